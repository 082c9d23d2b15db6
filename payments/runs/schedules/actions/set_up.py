"""A schedule is set up, and what it pays is changed by one person and confirmed by another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.runs.actions.steps import check_reason, organisation_of
from payments.runs.queries.runs import Programme, find_programme
from payments.runs.schedules import models
from payments.runs.schedules.actions.history import (
    CHECKERS,
    MAKERS,
    Details,
    admit,
    find_look_at,
    note,
    refuse_ended,
)
from payments.runs.schedules.lines import Line
from payments.runs.schedules.queries import (
    find_payee_ids,
    find_version,
    list_planned,
    lock_schedule,
    make_terms,
)
from payments.runs.schedules.rules import (
    FREQUENCIES,
    MAXIMUM_COUNT,
    MAXIMUM_DAYS_AHEAD,
    Frequency,
    Rhythm,
    next_day,
)
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id, reference

_MAXIMUM_NAME = 100
_LONGEST_AHEAD = timedelta(days=366)
_LONGEST_MONTH = 31


@dataclass(frozen=True)
class NewSchedule:
    """A schedule as a person wants it; what could not be read is none."""

    programme: str
    name: str
    frequency: str
    month_day: int | None
    starts_on: date | None
    ends_on: date | None
    most: int | None
    days_ahead: int | None
    lines: Sequence[Line]


def check_schedule(
    session: Session, organisation: str, wanted: NewSchedule, now: datetime
) -> tuple[Programme, Rhythm]:
    """Return programme and rhythm of a wanted schedule, whatever it pays.

    Raises:
        Invalid: names every field at fault; a first day that can no longer be kept too.
    """
    programme = find_programme(session, organisation, wanted.programme)
    faults = _faults(wanted, london_date(now))
    if programme is None:
        faults.append(FieldError("programme", "Select a programme"))
    if faults or programme is None or wanted.starts_on is None:
        raise Invalid(*faults)
    rhythm = Rhythm(
        _FREQUENCY_OF[wanted.frequency],
        wanted.starts_on,
        wanted.month_day if wanted.frequency == "monthly" else None,
        wanted.ends_on,
        wanted.most,
    )
    first = next_day(rhythm, None, ())
    if first is None:
        raise Invalid(FieldError("ends_on", "There is no day to pay on before the last day"))
    terms = make_terms(session, programme, rhythm, wanted.days_ahead or 1)
    try:
        is_possible = terms.is_possible(first, now)
    except ValueError:
        is_possible = True
    if not is_possible:
        raise Invalid(
            FieldError("starts_on", "It is too late to pay on the first day. Enter a later one")
        )
    return programme, rhythm


def set_up_schedule(session: Session, wanted: NewSchedule, actor: Actor, now: datetime) -> UUID:
    """Set up a schedule, which makes its runs from now on; none of them approves itself.

    Raises:
        Forbidden: not an uploader.
        Invalid: names every field at fault, and payees that are not in force.
    """
    organisation = admit(actor, *MAKERS)
    programme, rhythm = check_schedule(session, organisation, wanted, now)
    payees = _find_payees(session, organisation, wanted.lines)
    days_ahead = wanted.days_ahead or 1
    first = next_day(rhythm, None, ())
    if first is None:
        raise Invalid(FieldError("ends_on", "There is no day to pay on before the last day"))
    terms = make_terms(session, programme, rhythm, days_ahead)
    schedule_id = new_id()
    session.execute(
        insert(models.schedule).values(
            id=schedule_id,
            organisation=organisation,
            programme_id=programme.id,
            reference=reference("SCH"),
            name=wanted.name.strip(),
            frequency=rhythm.frequency,
            month_day=rhythm.month_day,
            starts_on=rhythm.starts_on,
            ends_on=rhythm.ends_on,
            most=rhythm.most,
            days_ahead=days_ahead,
            state="active",
            next_on=first,
            look_at=find_look_at(terms, first, now),
            created_by_id=actor.id,
            created_by_name=actor.name,
            created_at=now,
            state_at=now,
        )
    )
    version = _Version(schedule_id, 1, rhythm.starts_on, "live", "Set up")
    _write_version(session, version, wanted.lines, payees, actor, now)
    total = sum(line.amount_pence for line in wanted.lines)
    details: Details = {"payments": len(wanted.lines), "total_pence": total}
    note(session, actor, organisation, schedule_id, "set_up", now, details)
    return schedule_id


def propose_change(
    session: Session,
    schedule_id: UUID,
    lines: Sequence[Line],
    from_on: date | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Propose that a schedule pays something else from a day on; another person confirms it.

    Raises:
        Forbidden, NotFound: not an uploader, or no such schedule of this body.
        Conflict: it has ended, or another change waits.
        Invalid: no reason, a day before the next one, no change, or payees not in force.
    """
    organisation = admit(actor, *MAKERS)
    found = lock_schedule(session, organisation, schedule_id)
    refuse_ended(found)
    reason = check_reason(reason)
    if from_on is None or found.next_on is None or from_on < found.next_on:
        raise Invalid(FieldError("from_on", "Enter a day from the next payment on"))
    payees = _find_payees(session, organisation, lines)
    newest = _newest(session, schedule_id)
    if newest.state == "proposed":
        raise Conflict("change_waits", "Another change of this schedule waits to be confirmed")
    current = find_version(session, schedule_id, from_on)
    wanted = {(payees[line.payee], line.amount_pence, line.reference) for line in lines}
    if current is not None and wanted == {
        (one.payee_id, one.amount_pence, one.reference) for one in list_planned(session, current.id)
    }:
        raise Invalid(FieldError("payments", "That is what the schedule pays already"))
    version = _Version(schedule_id, newest.number + 1, from_on, "proposed", reason)
    version_id = _write_version(session, version, lines, payees, actor, now)
    details: Details = {"version": version.number, "from": from_on.isoformat(), "reason": reason}
    note(session, actor, organisation, schedule_id, "change_proposed", now, details)
    return version_id


def decide_change(
    session: Session,
    schedule_id: UUID,
    version_id: UUID,
    actor: Actor,
    now: datetime,
    *,
    is_confirmed: bool,
) -> None:
    """Confirm or refuse a proposed change; whoever proposed it may only take it back.

    Raises:
        Forbidden: the role is missing, or the same person confirms.
        NotFound, Conflict: no such change, decided already, or its first day was paid meanwhile.
    """
    organisation = admit(actor, *CHECKERS)
    found = lock_schedule(session, organisation, schedule_id)
    own = models.schedule_version.c
    row = session.execute(
        select(own.number, own.state, own.proposed_by_id, own.from_on).where(
            own.id == version_id, own.schedule_id == found.id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("change_not_found", "There is no such change")
    if row.state != "proposed":
        raise Conflict("change_state", "This change was decided already; nothing was changed")
    if is_confirmed:
        refuse_ended(found)
        if row.proposed_by_id == actor.id:
            raise Forbidden("same_person", "Another person has to confirm what you proposed")
        if _is_paid_since(session, found.id, row.from_on):
            raise Conflict(
                "change_late",
                "A run from that day on was made meanwhile",
                detail="Refuse the change, and propose it from the next payment on.",
            )
    state = "live" if is_confirmed else "refused"
    session.execute(
        update(models.schedule_version)
        .where(own.id == version_id)
        .values(state=state, decided_by_id=actor.id, decided_by_name=actor.name, decided_at=now)
    )
    kind = "change_confirmed" if is_confirmed else "change_refused"
    note(session, actor, organisation, found.id, kind, now, {"version": row.number})


_FREQUENCY_OF: dict[str, Frequency] = {name: name for name in FREQUENCIES}


def _faults(wanted: NewSchedule, today: date) -> list[FieldError]:
    faults = []
    if not 1 <= len(wanted.name.strip()) <= _MAXIMUM_NAME:
        faults.append(FieldError("name", "Enter a name of up to 100 characters"))
    if wanted.frequency not in FREQUENCIES:
        faults.append(FieldError("frequency", "Select how often it pays"))
    if wanted.frequency == "monthly" and not 1 <= (wanted.month_day or 0) <= _LONGEST_MONTH:
        faults.append(FieldError("month_day", "Enter a day of the month from 1 to 31"))
    if wanted.starts_on is None or not today <= wanted.starts_on <= today + _LONGEST_AHEAD:
        faults.append(FieldError("starts_on", "Enter a day from today on, within a year"))
    elif wanted.ends_on is not None and wanted.ends_on < wanted.starts_on:
        faults.append(FieldError("ends_on", "The last day is before the first"))
    if wanted.most is not None and not 1 <= wanted.most <= MAXIMUM_COUNT:
        faults.append(FieldError("most", "Enter how many times, from 1 to 520"))
    if not 1 <= (wanted.days_ahead or 0) <= MAXIMUM_DAYS_AHEAD:
        faults.append(FieldError("days_ahead", "Enter a number of days from 1 to 20"))
    return faults


def _find_payees(session: Session, organisation: str, lines: Sequence[Line]) -> dict[str, UUID]:
    if not lines:
        raise Invalid(FieldError("payments", "Enter from 1 to 1,000 payments, one on each line"))
    payees = find_payee_ids(session, organisation, [line.payee for line in lines])
    missing = sorted({line.payee for line in lines} - set(payees))
    if missing:
        named = ", ".join(missing[:10])
        raise Invalid(FieldError("payments", f"No payee in force has the reference {named}"))
    return payees


@dataclass(frozen=True)
class _Version:
    schedule_id: UUID
    number: int
    from_on: date
    state: str
    reason: str


def _write_version(
    session: Session,
    version: _Version,
    lines: Sequence[Line],
    payees: dict[str, UUID],
    actor: Actor,
    now: datetime,
) -> UUID:
    version_id = new_id()
    session.execute(
        insert(models.schedule_version).values(
            id=version_id,
            organisation=organisation_of(actor),
            **version.__dict__,
            payments=len(lines),
            total_pence=sum(line.amount_pence for line in lines),
            proposed_by_id=actor.id,
            proposed_by_name=actor.name,
            proposed_at=now,
        )
    )
    session.execute(
        insert(models.schedule_payment),
        [
            {
                "version_id": version_id,
                "number": number,
                "payee_id": payees[line.payee],
                "amount_pence": line.amount_pence,
                "reference": line.reference,
            }
            for number, line in enumerate(lines, 1)
        ],
    )
    return version_id


@dataclass(frozen=True)
class _Newest:
    number: int
    state: str


def _newest(session: Session, schedule_id: UUID) -> _Newest:
    own = models.schedule_version.c
    row = session.execute(
        select(own.number, own.state)
        .where(own.schedule_id == schedule_id)
        .order_by(own.number.desc())
        .limit(1)
    ).one()
    return _Newest(*row)


def _is_paid_since(session: Session, schedule_id: UUID, day: date) -> bool:
    made = models.schedule_occurrence.c
    found = select(made.id).where(
        made.schedule_id == schedule_id, made.wanted_on >= day, made.state == "made"
    )
    return session.execute(found.limit(1)).one_or_none() is not None
