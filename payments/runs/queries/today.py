"""The day's picture of one public body."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.reconciliation.models import reconciliation_exception
from payments.runs.models import payment, run

_DAYS = 7


@dataclass(frozen=True)
class Figure:
    """How many payments, and how much they are together."""

    name: str
    count: int
    total_pence: int


def list_payments_by_state(session: Session, organisation: str, day: date) -> list[Figure]:
    """Return the payments of the runs of a day, by state."""
    rows = session.execute(
        select(
            payment.c.state,
            func.count().label("payments"),
            func.sum(payment.c.amount_pence).label("total"),
        )
        .join(run, run.c.id == payment.c.run_id)
        .where(payment.c.organisation == organisation, run.c.run_date == day)
        .group_by(payment.c.state)
    )
    return [Figure(row.state, row.payments, int(row.total)) for row in rows]


def list_runs_by_state(session: Session, organisation: str) -> list[Figure]:
    """Return the runs that are not finished, by state, with what their payments add up to."""
    rows = session.execute(
        select(
            run.c.state,
            func.count(run.c.id.distinct()).label("runs"),
            func.coalesce(func.sum(payment.c.amount_pence), 0).label("total"),
        )
        .select_from(
            run.outerjoin(
                payment,
                (payment.c.run_id == run.c.id) & payment.c.state.not_in(("cancelled", "recalled")),
            )
        )
        .where(run.c.organisation == organisation, run.c.state != "closed")
        .group_by(run.c.state)
    )
    return [Figure(row.state, row.runs, int(row.total)) for row in rows]


def count_in_states(session: Session, organisation: str, *states: str) -> Figure:
    """Return how many payments are in these states now, whatever their day."""
    row = session.execute(
        select(
            func.count().label("payments"),
            func.coalesce(func.sum(payment.c.amount_pence), 0).label("total"),
        ).where(payment.c.organisation == organisation, payment.c.state.in_(states))
    ).one()
    return Figure(states[0], row.payments, int(row.total))


def list_days(session: Session, organisation: str, today: date) -> list[tuple[date, Figure]]:
    """Return the last seven days with what their runs sent to the Bacs network."""
    first = today - timedelta(days=_DAYS - 1)
    rows = session.execute(
        select(
            run.c.run_date,
            func.count().label("payments"),
            func.sum(payment.c.amount_pence).label("total"),
        )
        .join(payment, payment.c.run_id == run.c.id)
        .where(
            run.c.organisation == organisation,
            run.c.run_date >= first,
            payment.c.state.in_(("submitted", "accepted", "paid", "returned")),
        )
        .group_by(run.c.run_date)
    )
    found = {row.run_date: Figure("sent", row.payments, int(row.total)) for row in rows}
    days = [first + timedelta(days=offset) for offset in range(_DAYS)]
    return [(day, found.get(day, Figure("sent", 0, 0))) for day in days]


def count_exceptions(session: Session, organisation: str) -> int:
    """Return how many lines of the body's bank statements wait for a person."""
    table = reconciliation_exception
    return session.execute(
        select(func.count())
        .select_from(table)
        .where(table.c.body == organisation, table.c.state == "open")
    ).scalar_one()
