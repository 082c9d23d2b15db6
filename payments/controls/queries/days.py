"""Reads of closing days, cut-off times and the days of runs."""

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.controls.days import DEFAULT_CUT_OFFS, Plan, direction_of, make_plan
from payments.controls.models import closing_day, cut_off
from payments.runs.queries.runs import Run

_RUNS = text(
    """
    SELECT r.id, r.reference, r.state, r.processing_date, r.entry_on, p.name AS programme
      FROM run r JOIN programme p ON p.id = r.programme_id
     WHERE r.organisation = :organisation AND r.state <> 'cancelled'
       AND (r.processing_date BETWEEN :first AND :last
            OR r.processing_date IS NULL AND r.entry_on BETWEEN :first AND :last)
     ORDER BY r.id
    """
)


@dataclass(frozen=True)
class ClosingDay:
    """A day on which a body pays nothing, and who said so."""

    id: UUID
    day: date
    reason: str
    set_by_name: str
    set_at: datetime


@dataclass(frozen=True)
class RunDay:
    """A run in the calendar, on its processing day or the day that was wanted."""

    id: UUID
    reference: str
    state: str
    processing_date: date | None
    entry_on: date | None
    programme: str


def list_closing_days(session: Session, organisation: str, since: date) -> list[ClosingDay]:
    """Return the closing days of a body from a day on."""
    rows = session.execute(
        select(
            closing_day.c.id,
            closing_day.c.day,
            closing_day.c.reason,
            closing_day.c.set_by_name,
            closing_day.c.set_at,
        )
        .where(
            closing_day.c.organisation == organisation,
            closing_day.c.removed_at.is_(None),
            closing_day.c.day >= since,
        )
        .order_by(closing_day.c.day)
    )
    return [ClosingDay(*row) for row in rows]


def list_cut_offs(session: Session, organisation: str) -> dict[str, time | None]:
    """Return until when input is possible on each rail, in Europe/London."""
    rows = session.execute(
        select(cut_off.c.rail, cut_off.c.at).where(cut_off.c.organisation == organisation)
    )
    return {**DEFAULT_CUT_OFFS, **dict(rows.all())}


def plan_run(session: Session, run: Run, now: datetime) -> Plan:
    """Return the days of a run as they would be from now on."""
    closings = {one.day for one in list_closing_days(session, run.organisation, now.date())}
    return make_plan(
        now,
        run.entry_on,
        direction_of(run.programme.kind),
        closings,
        list_cut_offs(session, run.organisation).get(run.rail),
        run.rail,
    )


def list_runs_between(session: Session, organisation: str, first: date, last: date) -> list[RunDay]:
    """Return the runs that are processed, or wanted, on days from first to last."""
    values = {"organisation": organisation, "first": first, "last": last}
    return [RunDay(*row) for row in session.execute(_RUNS, values)]
