"""Invented sanctions lists in the shape of the UK one."""

import io
from collections.abc import Sequence

from payments.screening.actions.load import load_list
from payments.screening.loading import UK_SANCTIONS_LIST, ListMapping
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database
from tests.payments.uploads.world import ENTRY

HEADING = (
    "Unique ID,Name 6,Name 1,Name 2,Name 3,Name 4,Name 5,Name type,"
    '"Individual, Entity, Ship",Date of birth'
)
# Unique id, family or entity name, first names, type of name, kind, a fact about the entry.
Entry = tuple[str, str, str, str, str, str]
VILLAIN: Entry = ("ZZZ0001", "VILLAINOV", "Boris Grigory", "Primary Name", "Individual", "1961")
ALIAS: Entry = ("ZZZ0001", "VILLAINOFF", "Borys", "Alias", "Individual", "1961")
FIRM: Entry = ("ZZZ0002", "EVILCORP TRADING LLC", "", "Primary Name", "Entity", "")
ONE_WORD: Entry = ("ZZZ0003", "SHADOWFLEET", "", "Primary Name", "Entity", "")


def list_of(*entries: Entry, heading: str = HEADING) -> bytes:
    """Return a list with the publisher's date line above its heading."""
    lines = ["Report Date: 20-Nov-2026", heading]
    lines += [f"{e[0]},{e[1]},{e[2]},,,,,{e[3]},{e[4]},{e[5]}" for e in entries]
    return "\r\n".join([*lines, ""]).encode()


def load(
    database: Database,
    entries: Sequence[Entry] = (VILLAIN, ALIAS, FIRM, ONE_WORD),
    *,
    content: bytes | None = None,
    mapping: ListMapping = UK_SANCTIONS_LIST,
) -> bool:
    """Put a list in force; tells whether it is new."""
    with database.transaction() as session:
        return load_list(
            session,
            io.BytesIO(list_of(*entries) if content is None else content),
            mapping,
            ENTRY,
            "list.csv",
            SYSTEM,
            clock.now(),
        )[1]
