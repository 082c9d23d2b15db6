"""What an operator types: publish the services of a folder."""

from collections.abc import Sequence
from pathlib import Path

from gateway.catalogue.actions import publish_entry
from gateway.eligibility.reader import DefinitionError
from gateway.journeys.actions.publishing import publish
from gateway.journeys.publishing.files import read_definition
from gateway.settings import get_settings
from shared import clock
from shared.actors import Actor
from shared.db import Database, make_engine
from shared.errors import FieldError, Invalid

_OPERATOR = Actor("system", "publish-services", name="publish-services")


def publish_folder(database: Database, folder: Path) -> list[str]:
    """Publish every definition of a folder, all of them or none; returns a line for each.

    Raises DefinitionError with every fault, the file's name in front of its place.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise DefinitionError((FieldError(str(folder), "there is no definition in this folder"),))
    lines: list[str] = []
    with database.transaction() as session:
        for path in files:
            try:
                body = read_definition(path)
                service, is_new = publish(session, body, _OPERATOR, clock.now())
                publish_entry(session, body)
            except Invalid as refusal:
                raise DefinitionError(
                    tuple(
                        FieldError(f"{path.name}: {fault.field}", fault.message)
                        for fault in refusal.fields
                    )
                ) from refusal
            state = "published" if is_new else "unchanged"
            lines.append(f"{service.id} {service.version} {state}")
    return lines


def publish_services(arguments: Sequence[str]) -> None:
    """Publish the definitions of a folder (default: the settings' folder)."""
    settings = get_settings()
    folder = Path(arguments[0]) if arguments else settings.services_dir
    database = Database(make_engine(settings.database_url, pool_size=1, service="gateway"))
    for line in publish_folder(database, folder):
        print(line)
    database.engine.dispose()
