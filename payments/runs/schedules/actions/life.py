"""A schedule is paused, goes on, ends, or leaves one of its days out."""

from datetime import date, datetime
from itertools import takewhile
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.runs.actions.steps import check_reason
from payments.runs.schedules import models
from payments.runs.schedules.actions.history import (
    MAKERS,
    STOPPERS,
    admit,
    advance,
    note,
    refuse_ended,
)
from payments.runs.schedules.queries import Schedule, list_done, lock_schedule, terms_of
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id


def pause(session: Session, schedule_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Make no more runs until somebody resumes; runs that were made stay.

    Raises:
        Forbidden, NotFound: the role is missing, or no such schedule of this body.
        Conflict: it is not active.
        Invalid: no reason.
    """
    found = _lock(session, schedule_id, actor)
    reason = check_reason(reason)
    if found.state != "active":
        raise Conflict("schedule_state", f"Schedule {found.reference} is paused already")
    _set(session, found, "paused", reason, now)
    note(session, actor, found.organisation, found.id, "paused", now, {"reason": reason})


def resume(session: Session, schedule_id: UUID, actor: Actor, now: datetime) -> None:
    """Make runs again; days that passed meanwhile are marked missed at the next look.

    Raises:
        Forbidden, NotFound, Conflict: as for ``pause``.
    """
    found = _lock(session, schedule_id, actor)
    if found.state != "paused":
        raise Conflict("schedule_state", f"Schedule {found.reference} is active already")
    _set(session, found, "active", "", now)
    note(session, actor, found.organisation, found.id, "resumed", now)
    advance(session, found, terms_of(session, found), now)


def end(session: Session, schedule_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """End a schedule for good; runs that were made stay.

    Raises:
        Forbidden, NotFound: the role is missing, or no such schedule of this body.
        Conflict: it has ended already.
        Invalid: no reason.
    """
    found = _lock(session, schedule_id, actor)
    reason = check_reason(reason)
    _set(session, found, "ended", reason, now, next_on=None, look_at=None)
    note(session, actor, found.organisation, found.id, "ended", now, {"reason": reason})


def skip(
    session: Session,
    schedule_id: UUID,
    day: date | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Leave one wanted day out, for which no run was made.

    Raises:
        Forbidden, NotFound: not an uploader, or no such schedule of this body.
        Conflict: it has ended, or something was done about that day already.
        Invalid: no reason, or no day of the schedule.
    """
    organisation = admit(actor, *MAKERS)
    found = lock_schedule(session, organisation, schedule_id)
    refuse_ended(found)
    reason = check_reason(reason)
    if day is None or not is_day_of(found, day):
        raise Invalid(FieldError("day", "Select a day of the schedule"))
    if day in list_done(session, found.id):
        raise Conflict("day_done", "Something was done about that day already")
    if not mark(session, found, day, "skipped", reason, actor, now):
        raise Conflict("day_done", "Something was done about that day already")
    details = {"day": day.isoformat(), "reason": reason}
    note(session, actor, organisation, found.id, "skipped", now, details)
    advance(session, found, terms_of(session, found), now)


def mark(
    session: Session,
    found: Schedule,
    day: date,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> bool:
    """Write down that no run is made for a day of a locked schedule; False when one was before."""
    made: UUID | None = session.execute(
        upsert(models.schedule_occurrence)
        .values(
            schedule_id=found.id,
            wanted_on=day,
            id=new_id(),
            organisation=found.organisation,
            state=state,
            reason=reason,
            by_id=actor.id,
            by_name=actor.name,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(models.schedule_occurrence.c.id)
    ).scalar_one_or_none()
    return made is not None


def is_day_of(found: Schedule, day: date) -> bool:
    """Tell whether a schedule wants to pay on a day."""
    return day in takewhile(lambda one: one <= day, found.rhythm.days())


def _lock(session: Session, schedule_id: UUID, actor: Actor) -> Schedule:
    found = lock_schedule(session, admit(actor, *STOPPERS), schedule_id)
    refuse_ended(found)
    return found


def _set(
    session: Session,
    found: Schedule,
    state: str,
    reason: str,
    now: datetime,
    **values: None,
) -> None:
    session.execute(
        update(models.schedule)
        .where(models.schedule.c.id == found.id)
        .values(state=state, state_reason=reason, state_at=now, **values)
    )
