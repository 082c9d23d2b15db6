"""Command of an operator: put a sanctions list in force."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import yaml

from payments.screening.actions.load import load_list
from payments.screening.loading import UK_SANCTIONS_LIST, ListMapping, ListUnreadableError
from payments.settings import get_settings
from shared import clock, logs
from shared.actors import Actor
from shared.db import Database, make_engine
from shared.errors import Invalid

OPERATOR = Actor("system", "operator", name="Operator")
_USAGE = "load-sanctions-list FILE.csv YYYY-MM-DD [MAPPING.yaml]"
_WITHOUT_MAPPING = 2


def load_sanctions_list(arguments: Sequence[str]) -> None:
    """Put a list in force by its file, its date and, where the heading differs, a mapping.

    Raises:
        Invalid: wrong arguments, or a file that cannot be read so; the list in force stays.
    """
    if len(arguments) not in (_WITHOUT_MAPPING, _WITHOUT_MAPPING + 1):
        raise Invalid(title=_USAGE)
    settings = get_settings()
    logs.configure("payments", settings)
    engine = make_engine(settings.database_url, pool_size=1, service="payments-command")
    try:
        listed_on = date.fromisoformat(arguments[1])
        mapping = UK_SANCTIONS_LIST
        if len(arguments) > _WITHOUT_MAPPING:
            mapping = ListMapping.from_json(yaml.safe_load(Path(arguments[2]).read_text()) or {})
        with Path(arguments[0]).open("rb") as file, Database(engine).transaction() as session:
            loaded, is_new = load_list(
                session,
                file,
                mapping,
                listed_on,
                Path(arguments[0]).name,
                OPERATOR,
                clock.now(),
            )
    except (ListUnreadableError, ValueError, OSError) as error:
        raise Invalid(title=f"The list was not loaded: {error}") from error
    state = "in force now" if is_new else "in force already"
    print(f"{loaded.entries} entries, {loaded.names} names of {loaded.listed_on}: {state}")


COMMANDS = {"load-sanctions-list": load_sanctions_list}
