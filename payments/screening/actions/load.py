"""Putting a new sanctions list in force; what is not paid yet is compared with it again."""

from datetime import date, datetime
from typing import BinaryIO

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from payments.screening import models
from payments.screening.loading import ListMapping, read_list
from payments.screening.queries import SanctionsList, find_current_list
from shared import audit
from shared.actors import Actor
from shared.ids import new_id
from shared.outbox import enqueue

RESCREEN = "payments.screening.rescreen"
_PIECE = 5_000


def load_list(
    session: Session,
    file: BinaryIO,
    mapping: ListMapping,
    listed_on: date,
    source: str,
    actor: Actor,
    now: datetime,
) -> tuple[SanctionsList, bool]:
    """Put a list in force; returns it, and whether it is new. The same bytes change nothing.

    Raises:
        ListUnreadableError: the list in force stays.
    """
    found = read_list(file, mapping)
    session.execute(text("LOCK TABLE sanctions_list IN SHARE ROW EXCLUSIVE MODE"))
    current = find_current_list(session)
    if current is not None and current.sha256 == found.sha256:
        return current, False
    session.execute(
        update(models.sanctions_list)
        .where(models.sanctions_list.c.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    list_id = new_id()
    session.execute(
        insert(models.sanctions_list).values(
            id=list_id,
            listed_on=listed_on,
            sha256=found.sha256,
            source=source,
            entries=found.entries,
            names=len(found.names),
            mapping=mapping.as_json(),
            loaded_by=actor.name or actor.id,
            loaded_at=now,
        )
    )
    rows = [
        {
            "list_id": list_id,
            "number": number,
            "entry_id": one.entry_id,
            "entry_sha256": one.entry_sha256,
            "name": one.name,
            "kind": one.kind,
            "name_type": name_type,
        }
        for number, (one, name_type) in enumerate(found.names, 1)
    ]
    for begin in range(0, len(rows), _PIECE):
        session.execute(insert(models.sanctions_name), rows[begin : begin + _PIECE])
    audit.record(
        session,
        actor,
        "payments.screening.list_loaded",
        "sanctions_list",
        list_id,
        {
            "listed_on": listed_on.isoformat(),
            "sha256": found.sha256.hex(),
            "entries": found.entries,
            "names": len(found.names),
        },
    )
    enqueue(session, RESCREEN, {"list_id": str(list_id)}, key=str(list_id))
    loaded = find_current_list(session)
    if loaded is None:
        raise RuntimeError("the list that was loaded is not in force")
    return loaded, True
