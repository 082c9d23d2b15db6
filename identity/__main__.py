"""`python -m identity COMMAND`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from identity.keys import commands as keys
from identity.organisations import commands as organisations
from identity.registration import commands as registration
from identity.relying_parties import commands as relying_parties
from identity.settings import get_settings
from shared.commands import main
from shared.dead_work import dead_work_command
from shared.migrate import upgrade


# A web process needs no Celery and a worker no FastAPI: each saves some 20 MB by not knowing.
def _web(_arguments: Sequence[str]) -> None:
    import_module("identity.web").run()


def _worker(_arguments: Sequence[str]) -> None:
    import_module("identity.worker").run()


def _migrate(_arguments: Sequence[str]) -> None:
    upgrade("identity", get_settings().database_url)


def _seed_demo(arguments: Sequence[str]) -> None:
    relying_parties.register([str(relying_parties.DEMO_FILE)])
    organisations.seed_demo(arguments)


COMMANDS = {
    "web": _web,
    "worker": _worker,
    "migrate": _migrate,
    "dead-work": dead_work_command(get_settings),
    "seed-demo": _seed_demo,
    "demo-people": organisations.demo_people,
    "issue-initial-access-token": registration.issue,
    "rotate-keys": keys.rotate,
    "rotate-identity-keys": keys.rotate_identity,
    "register-relying-parties": relying_parties.register,
    "register-one-login": relying_parties.register_one_login,
}

if __name__ == "__main__":
    sys.exit(main("identity", COMMANDS, sys.argv[1:]))
