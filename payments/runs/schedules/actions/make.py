"""The run of a day is made, once, ahead of it; a day that can no longer be kept is marked missed.

Nothing here approves: the run collects, and people put it forward, approve and release it.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.controls.days import direction_of
from payments.payees.bank_details import DetailsVault
from payments.runs import models as runs
from payments.runs.actions.history import note_run
from payments.runs.actions.steps import check_reason
from payments.runs.queries.runs import get_run
from payments.runs.schedules import models
from payments.runs.schedules.actions.fill import Filled, fill_run
from payments.runs.schedules.actions.history import MAKERS, admit, advance, note
from payments.runs.schedules.actions.life import mark
from payments.runs.schedules.queries import (
    Schedule,
    Version,
    find_version,
    lock_any,
    lock_schedule,
    terms_of,
)
from payments.runs.schedules.rules import Terms
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id, reference

# A run that is made so much later than planned was caught up.
_IN_TIME = timedelta(hours=24)
_MISSED = text(
    "SELECT id FROM schedule_occurrence WHERE schedule_id = :schedule AND wanted_on = :day"
    " AND state = 'missed' FOR UPDATE"
)


def make_next(session: Session, vault: DetailsVault, schedule_id: UUID, now: datetime) -> bool:
    """Do what is due about the next day of a schedule; False when nothing is due.

    The lock on the schedule makes a second worker wait; the key of the occurrence makes whatever
    is done twice happen once.
    """
    found = lock_any(session, schedule_id)
    day = found.next_on
    if found.state != "active" or day is None or found.look_at is None or found.look_at > now:
        return False
    terms = terms_of(session, found)
    try:
        planned, is_possible = terms.look_at(day), terms.is_possible(day, now)
    except ValueError:
        # The bank holidays of that year are not published yet.
        advance(session, found, terms, now)
        return False
    if planned > now:
        # Closing days, the cut-off or the rail changed since: its time is still to come.
        advance(session, found, terms, now)
        return True
    version = find_version(session, found.id, day)
    if not is_possible or version is None:
        reason = _why_missed(found, terms, day, planned)
        if mark(session, found, day, "missed", reason, SYSTEM, now):
            details = {"day": day.isoformat(), "reason": reason}
            note(session, SYSTEM, found.organisation, found.id, "missed", now, details)
    else:
        is_caught_up = now - max(planned, found.state_at) > _IN_TIME
        _make(session, vault, found, terms, version, day, now, is_caught_up=is_caught_up)
    advance(session, found, terms, now)
    return True


def make_missed(
    session: Session,
    vault: DetailsVault,
    schedule_id: UUID,
    day: date | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Make the run of a missed day after all, to be paid as soon as it can; returns its id.

    Raises:
        Forbidden, NotFound: not an uploader, or no such schedule of this body.
        Conflict: that day was not missed, or its run was made meanwhile.
        Invalid: no reason, or no day.
    """
    organisation = admit(actor, *MAKERS)
    found = lock_schedule(session, organisation, schedule_id)
    reason = check_reason(reason)
    if day is None:
        raise Invalid(FieldError("day", "Select a day of the schedule"))
    if session.execute(_MISSED, {"schedule": found.id, "day": day}).one_or_none() is None:
        raise Conflict("day_not_missed", "That day was not missed, or its run was made meanwhile")
    version = find_version(session, found.id, day)
    if version is None:
        raise Conflict("day_not_missed", "The schedule paid nothing on that day")
    occurrence_id = new_id()
    run_id = _open_run(session, found, version, occurrence_id, None, now)
    own = models.schedule_occurrence.c
    session.execute(
        update(models.schedule_occurrence)
        .where(own.schedule_id == found.id, own.wanted_on == day)
        .values(
            state="made",
            id=occurrence_id,
            run_id=run_id,
            version_id=version.id,
            reason=reason,
            is_caught_up=True,
            by_id=actor.id,
            by_name=actor.name,
            at=now,
        )
    )
    filled = fill_run(session, vault, found, version, run_id, day, now)
    _tell(session, actor, found, run_id, day, filled, now, why=reason)
    return run_id


def _make(
    session: Session,
    vault: DetailsVault,
    found: Schedule,
    terms: Terms,
    version: Version,
    day: date,
    now: datetime,
    *,
    is_caught_up: bool,
) -> None:
    occurrence_id = new_id()
    # The run's own page explains the shift of the wanted day, where it moves as the programme's do.
    moves_alike = terms.direction == direction_of(found.programme.kind)
    entry_on = day if moves_alike else terms.plan(day).entry_day
    run_id = _open_run(session, found, version, occurrence_id, entry_on, now)
    made = session.execute(
        upsert(models.schedule_occurrence)
        .values(
            schedule_id=found.id,
            wanted_on=day,
            id=occurrence_id,
            organisation=found.organisation,
            state="made",
            version_id=version.id,
            run_id=run_id,
            is_caught_up=is_caught_up,
            by_id=SYSTEM.id,
            by_name=SYSTEM.name,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(models.schedule_occurrence.c.id)
    ).scalar_one_or_none()
    if made is None:
        raise Conflict("day_done", "Something was done about that day already")
    filled = fill_run(session, vault, found, version, run_id, day, now)
    shifts = "; ".join(terms.plan(day).reasons)
    _tell(session, SYSTEM, found, run_id, day, filled, now, why=shifts)


def _open_run(
    session: Session,
    found: Schedule,
    version: Version,
    occurrence_id: UUID,
    entry_on: date | None,
    now: datetime,
) -> UUID:
    run_id = new_id()
    session.execute(
        insert(runs.run).values(
            id=run_id,
            organisation=found.organisation,
            programme_id=found.programme.id,
            reference=reference("RUN"),
            run_date=london_date(now),
            state="collecting",
            source="schedule",
            # Keeps the run apart from the one that collects the day's single payments.
            upload_id=occurrence_id,
            entry_on=entry_on,
            declared_count=version.payments,
            declared_pence=version.total_pence,
            created_at=now,
            state_at=now,
            **found.programme.rails,
        )
    )
    return run_id


def _tell(
    session: Session,
    actor: Actor,
    found: Schedule,
    run_id: UUID,
    day: date,
    filled: Filled,
    now: datetime,
    *,
    why: str,
) -> None:
    run = get_run(session, found.organisation, run_id)
    details: dict[str, str | int | None] = {
        "schedule": found.reference,
        "wanted": day.isoformat(),
        "payments": filled.payments,
        "total_pence": filled.pence,
        "held": filled.held,
    }
    if why:
        details["reason"] = why
    note_run(session, actor, run, "opened", now, state="collecting", details=details)
    told = {**details, "run": run.reference}
    note(session, actor, found.organisation, found.id, "made", now, told)


def _why_missed(found: Schedule, terms: Terms, day: date, planned: datetime) -> str:
    if found.state_at > planned:
        return "The schedule was paused when the run should have been made."
    input_day = terms.plan(day).input_day
    return f"The cut-off of its input day, {input_day:%-d %B %Y}, had passed when it was looked at."
