"""`python -m gateway COMMAND`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from gateway.catalogue.actions import load_reference
from gateway.edge.commands import edge
from gateway.journeys.commands import publish_folder, publish_services
from gateway.settings import get_settings
from shared.commands import main
from shared.db import Database, make_engine
from shared.dead_work import dead_work_command
from shared.migrate import upgrade


# A web process needs no Celery and a worker no FastAPI: each saves memory by not knowing.
def _web(_arguments: Sequence[str]) -> None:
    import_module("gateway.web").run()


def _worker(_arguments: Sequence[str]) -> None:
    import_module("gateway.worker").run()


def _migrate(_arguments: Sequence[str]) -> None:
    upgrade("gateway", get_settings().database_url)


def _seed_demo(_arguments: Sequence[str]) -> None:
    """Load the reference data and publish the services; a second time changes nothing."""
    settings = get_settings()
    database = Database(make_engine(settings.database_url, pool_size=1, service="gateway"))
    with database.transaction() as session:
        print(f"catalogue: {load_reference(session)} entries changed")
    for line in publish_folder(database, settings.services_dir):
        print(line)
    database.engine.dispose()


COMMANDS = {
    "web": _web,
    "worker": _worker,
    "migrate": _migrate,
    "dead-work": dead_work_command(get_settings),
    "seed-demo": _seed_demo,
    "publish-services": publish_services,
    "edge": edge,
}

if __name__ == "__main__":
    sys.exit(main("gateway", COMMANDS, sys.argv[1:]))
