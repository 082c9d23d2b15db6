"""Reads of schedules, always within one public body."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from payments.controls.days import direction_of
from payments.controls.queries.days import list_closing_days, list_cut_offs
from payments.payees.master.models import payee
from payments.runs.models import programme, run
from payments.runs.queries.runs import Programme, get_programme
from payments.runs.schedules.models import (
    schedule,
    schedule_event,
    schedule_occurrence,
    schedule_payment,
    schedule_version,
)
from payments.runs.schedules.rules import Frequency, Rhythm, ScheduleState, Terms
from shared.errors import NotFound


@dataclass(frozen=True)
class Schedule:
    """A schedule with its programme."""

    id: UUID
    organisation: str
    reference: str
    name: str
    state: ScheduleState
    state_reason: str
    state_at: datetime
    days_ahead: int
    next_on: date | None
    look_at: datetime | None
    created_by_name: str
    created_at: datetime
    rhythm: Rhythm
    programme: Programme


@dataclass(frozen=True)
class Version:
    """What a schedule pays from a day on."""

    id: UUID
    number: int
    from_on: date
    state: str
    reason: str
    payments: int
    total_pence: int
    proposed_by_id: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class Planned:
    """One payment of a version, with its payee as the master has them now."""

    number: int
    payee_id: UUID
    amount_pence: int
    reference: str
    payee_reference: str
    payee_name: str
    account_tail: str
    is_stopped: bool


@dataclass(frozen=True)
class Occurrence:
    """What was done about one wanted day."""

    id: UUID
    wanted_on: date
    state: str
    reason: str
    is_caught_up: bool
    by_name: str
    at: datetime
    run_id: UUID | None
    run_reference: str | None
    run_state: str | None


@dataclass(frozen=True)
class Summary:
    """A line of the list of schedules."""

    id: UUID
    reference: str
    name: str
    programme: str
    frequency: Frequency
    state: ScheduleState
    next_on: date | None


@dataclass(frozen=True)
class ScheduleEvent:
    """Something that was done to a schedule."""

    at: datetime
    kind: str
    actor_name: str
    details: dict[str, Any]


def get_schedule(session: Session, organisation: str, schedule_id: UUID) -> Schedule:
    """Return a schedule of this body; refuses every other as if it did not exist."""
    return _one(session, _select(schedule_id).where(schedule.c.organisation == organisation))


def lock_schedule(session: Session, organisation: str, schedule_id: UUID) -> Schedule:
    """Return a schedule and keep every other change of it waiting until this transaction ends."""
    query = _select(schedule_id).where(schedule.c.organisation == organisation)
    return _one(session, query.with_for_update())


def lock_any(session: Session, schedule_id: UUID) -> Schedule:
    """Return and lock a schedule of whatever body; for the worker."""
    return _one(session, _select(schedule_id).with_for_update())


def list_due(session: Session, now: datetime, limit: int) -> list[UUID]:
    """Return the active schedules of which a run has to be made now, the longest due first."""
    return list(
        session.execute(
            select(schedule.c.id)
            .where(schedule.c.state == "active", schedule.c.look_at <= now)
            .order_by(schedule.c.look_at, schedule.c.id)
            .limit(limit)
        ).scalars()
    )


def terms_of(session: Session, found: Schedule) -> Terms:
    """Return what decides when the runs of a schedule go to the bank."""
    return make_terms(session, found.programme, found.rhythm, found.days_ahead)


def make_terms(session: Session, programme: Programme, rhythm: Rhythm, days_ahead: int) -> Terms:
    """Return what decides when the runs of a programme in a rhythm go to the bank."""
    organisation = programme.organisation
    closings = list_closing_days(session, organisation, rhythm.starts_on.replace(day=1))
    return Terms(
        rhythm.direction(direction_of(programme.kind)),
        programme.rail,
        days_ahead,
        frozenset(one.day for one in closings),
        list_cut_offs(session, organisation).get(programme.rail),
    )


def list_done(session: Session, schedule_id: UUID) -> set[date]:
    """Return the wanted days that something was done about."""
    done = select(schedule_occurrence.c.wanted_on).where(
        schedule_occurrence.c.schedule_id == schedule_id
    )
    return set(session.execute(done).scalars())


def find_version(session: Session, schedule_id: UUID, day: date) -> Version | None:
    """Return what a schedule pays on a wanted day, None before its first version."""
    row = session.execute(
        _versions(schedule_id)
        .where(schedule_version.c.state == "live", schedule_version.c.from_on <= day)
        .order_by(schedule_version.c.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Version(*row)


def list_versions(session: Session, schedule_id: UUID) -> list[Version]:
    """Return the versions of a schedule, the latest first."""
    rows = session.execute(
        _versions(schedule_id).order_by(schedule_version.c.number.desc()).limit(100)
    )
    return [Version(*row) for row in rows]


def list_planned(
    session: Session, version_id: UUID, *, offset: int = 0, limit: int = 1_000
) -> list[Planned]:
    """Return payments of a version in their order."""
    rows = session.execute(
        select(
            schedule_payment.c.number,
            schedule_payment.c.payee_id,
            schedule_payment.c.amount_pence,
            schedule_payment.c.reference,
            payee.c.reference.label("payee_reference"),
            payee.c.name,
            payee.c.account_tail,
            payee.c.is_stopped,
        )
        .join(payee, payee.c.id == schedule_payment.c.payee_id)
        .where(schedule_payment.c.version_id == version_id)
        .order_by(schedule_payment.c.number)
        .offset(offset)
        .limit(limit)
    )
    return [Planned(*row) for row in rows]


def find_payee_ids(
    session: Session, organisation: str, references: Collection[str]
) -> dict[str, UUID]:
    """Return the payees in force by their references."""
    rows = session.execute(
        select(payee.c.reference, payee.c.id).where(
            payee.c.organisation == organisation,
            payee.c.reference.in_(set(references)),
            payee.c.state == "active",
        )
    )
    return {row.reference: row.id for row in rows}


def list_occurrences(session: Session, schedule_id: UUID, limit: int = 50) -> list[Occurrence]:
    """Return what was done about the latest days of a schedule, the latest day first."""
    made = schedule_occurrence.c
    rows = session.execute(
        select(
            made.id,
            made.wanted_on,
            made.state,
            made.reason,
            made.is_caught_up,
            made.by_name,
            made.at,
            made.run_id,
            run.c.reference,
            run.c.state,
        )
        .select_from(schedule_occurrence.outerjoin(run, run.c.id == made.run_id))
        .where(made.schedule_id == schedule_id)
        .order_by(made.wanted_on.desc())
        .limit(limit)
    )
    return [Occurrence(*tuple(row)) for row in rows]


def list_events(session: Session, schedule_id: UUID, limit: int = 200) -> list[ScheduleEvent]:
    """Return what was done to a schedule, the latest first."""
    told = schedule_event.c
    rows = session.execute(
        select(told.at, told.kind, told.actor_name, told.details)
        .where(told.schedule_id == schedule_id)
        .order_by(told.id.desc())
        .limit(limit)
    )
    return [ScheduleEvent(*row) for row in rows]


def list_schedules(
    session: Session,
    organisation: str,
    *,
    words: str = "",
    state: str = "",
    offset: int = 0,
    limit: int = 20,
) -> tuple[list[Summary], int]:
    """Return a page of a body's schedules, newest first, and how many there are in all."""
    conditions = [schedule.c.organisation == organisation]
    text = schedule.c.name + " " + schedule.c.reference
    conditions += [text.icontains(word, autoescape=True) for word in words.split()[:5]]
    if state:
        conditions.append(schedule.c.state == state)
    total = session.execute(
        select(func.count()).select_from(schedule).where(*conditions)
    ).scalar_one()
    own = schedule.c
    rows = session.execute(
        select(
            own.id,
            own.reference,
            own.name,
            programme.c.name.label("programme"),
            own.frequency,
            own.state,
            own.next_on,
        )
        .join(programme, programme.c.id == own.programme_id)
        .where(*conditions)
        .order_by(own.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [Summary(*row) for row in rows], total


def _select(schedule_id: UUID) -> Select[*tuple[Any, ...]]:
    return select(schedule).where(schedule.c.id == schedule_id)


def _one(session: Session, query: Select[*tuple[Any, ...]]) -> Schedule:
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("schedule_not_found", "There is no such schedule")
    frequency = cast("Frequency", row.frequency)
    return Schedule(
        id=row.id,
        organisation=row.organisation,
        reference=row.reference,
        name=row.name,
        state=cast("ScheduleState", row.state),
        state_reason=row.state_reason,
        state_at=row.state_at,
        days_ahead=row.days_ahead,
        next_on=row.next_on,
        look_at=row.look_at,
        created_by_name=row.created_by_name,
        created_at=row.created_at,
        rhythm=Rhythm(frequency, row.starts_on, row.month_day, row.ends_on, row.most),
        programme=get_programme(session, row.programme_id),
    )


def _versions(schedule_id: UUID) -> Select[*tuple[Any, ...]]:
    columns = [schedule_version.c[name] for name in Version.__dataclass_fields__]
    return select(*columns).where(schedule_version.c.schedule_id == schedule_id)
