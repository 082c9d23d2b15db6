"""Remembers who works for a body, so that an authority can be given to them by name."""

from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.controls.models import staff_seen
from shared.actors import Actor

_REMEMBERED_FOR = timedelta(hours=12)


def note_seen(session: Session, actor: Actor, now: datetime) -> None:
    """Keep a person's name and roles as they signed in; written twice a day at most."""
    values = {"name": actor.name, "roles": sorted(actor.roles), "seen_at": now}
    statement = insert(staff_seen).values(
        organisation=actor.organisation or "", person_id=actor.id, **values
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["organisation", "person_id"],
            set_=values,
            where=or_(
                staff_seen.c.seen_at < now - _REMEMBERED_FOR,
                staff_seen.c.roles != values["roles"],
                staff_seen.c.name != actor.name,
            ),
        )
    )
