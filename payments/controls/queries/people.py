"""Reads of who works for a body."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.controls.models import staff_seen


@dataclass(frozen=True)
class Person:
    """Somebody who signed in for a body, with the roles they had then."""

    person_id: str
    name: str
    roles: list[str]
    seen_at: datetime


def list_people(session: Session, organisation: str) -> list[Person]:
    """Return the people of a body by name."""
    rows = session.execute(
        select(staff_seen.c.person_id, staff_seen.c.name, staff_seen.c.roles, staff_seen.c.seen_at)
        .where(staff_seen.c.organisation == organisation)
        .order_by(staff_seen.c.name, staff_seen.c.person_id)
    )
    return [Person(*row) for row in rows]
