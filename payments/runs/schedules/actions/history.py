"""Writes down what was done to a schedule: its history and the audit trail."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.runs.actions.steps import organisation_of
from payments.runs.rules import ADMINISTRATOR, APPROVER, UPLOADER
from payments.runs.schedules import models
from payments.runs.schedules.queries import Schedule, list_done
from payments.runs.schedules.rules import Terms, next_day
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, Forbidden
from shared.ids import new_id

Details = Mapping[str, str | int | bool | None]
# Who sets up and changes, who stops and goes on, who confirms a change (contract 9).
MAKERS = (UPLOADER,)
STOPPERS = (UPLOADER, ADMINISTRATOR)
CHECKERS = (UPLOADER, APPROVER)
_LOOK_AGAIN = timedelta(days=7)


def admit(actor: Actor, *roles: str) -> str:
    """Return the body that a person works for; refuses one without any of the roles."""
    if actor.roles.isdisjoint(roles):
        raise Forbidden("role_missing", "Your role does not allow this")
    return organisation_of(actor)


def refuse_ended(found: Schedule) -> None:
    """Refuse to change a schedule that has ended."""
    if found.state == "ended":
        raise Conflict("schedule_ended", f"Schedule {found.reference} has ended")


def note(
    session: Session,
    actor: Actor,
    organisation: str,
    schedule_id: UUID,
    kind: str,
    now: datetime,
    details: Details | None = None,
) -> None:
    """Add a line to the history of a schedule and to the audit trail."""
    session.execute(
        insert(models.schedule_event).values(
            id=new_id(),
            organisation=organisation,
            schedule_id=schedule_id,
            at=now,
            kind=kind,
            actor_id=actor.id,
            actor_name=actor.name,
            details=dict(details or {}),
        )
    )
    audit.record(
        session, actor, f"payments.schedule.{kind}", "schedule", schedule_id, dict(details or {})
    )


def advance(session: Session, found: Schedule, terms: Terms, now: datetime) -> None:
    """Point a locked schedule at the next day that nothing was done about; ends it after the last.

    A day of a year whose bank holidays are not published yet is looked at again a week later.
    """
    day = next_day(found.rhythm, None, list_done(session, found.id))
    row = update(models.schedule).where(models.schedule.c.id == found.id)
    if day is None:
        session.execute(
            row.values(
                state="ended",
                state_at=now,
                state_reason="Something was done about each of its days.",
                next_on=None,
                look_at=None,
            )
        )
        return
    session.execute(row.values(next_on=day, look_at=find_look_at(terms, day, now)))


def find_look_at(terms: Terms, day: date, now: datetime) -> datetime:
    """Return when the run of a day is made; a week on where its bank holidays are unknown."""
    try:
        return terms.look_at(day)
    except ValueError:
        return now + _LOOK_AGAIN
