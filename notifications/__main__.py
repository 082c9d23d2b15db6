"""`python -m notifications COMMAND`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from notifications.settings import get_settings
from shared.commands import main
from shared.dead_work import dead_work_command
from shared.migrate import upgrade


# A web process needs no Celery and a worker no FastAPI: each saves some 20 MB by not knowing.
def run_web(_arguments: Sequence[str]) -> None:
    """Serve the API and the mailbox."""
    import_module("notifications.web").run()


def run_worker(_arguments: Sequence[str]) -> None:
    """Do the work that follows commits."""
    import_module("notifications.worker").run()


def migrate(_arguments: Sequence[str]) -> None:
    """Bring the schema up to date."""
    upgrade("notifications", get_settings().database_url)


def seed_demo(_arguments: Sequence[str]) -> None:
    """Say that there is nothing to seed: mailboxes come from verified people."""
    print("notifications: nothing to seed, a mailbox is created when a person is verified")


COMMANDS = {
    "web": run_web,
    "worker": run_worker,
    "migrate": migrate,
    "seed-demo": seed_demo,
    "dead-work": dead_work_command(get_settings),
}

if __name__ == "__main__":
    sys.exit(main("notifications", COMMANDS, sys.argv[1:]))
