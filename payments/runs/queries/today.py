"""The day's picture of one public body."""

from datetime import date

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import Session

from payments.reconciliation.models import reconciliation_exception
from payments.runs.models import run, run_total
from payments.runs.queries.totals import GONE, Figure

_PAYMENTS = func.coalesce(func.sum(run_total.c.payments), 0).cast(BigInteger)
_PENCE = func.coalesce(func.sum(run_total.c.pence), 0).cast(BigInteger)


def list_payments_by_state(session: Session, organisation: str, day: date) -> list[Figure]:
    """Return the payments of the runs of a day, by state."""
    rows = session.execute(
        select(run_total.c.state, _PAYMENTS, _PENCE)
        .join(run, run.c.id == run_total.c.run_id)
        .where(run.c.organisation == organisation, run.c.run_date == day)
        .group_by(run_total.c.state)
        .having(func.sum(run_total.c.payments) != 0)
    )
    return [Figure(*row) for row in rows]


def list_runs_by_state(session: Session, organisation: str) -> list[Figure]:
    """Return the runs that are not finished, by state, with what their payments add up to."""
    counted = (run_total.c.run_id == run.c.id) & run_total.c.state.not_in(GONE)
    rows = session.execute(
        select(run.c.state, func.count(run.c.id.distinct()), _PENCE)
        .select_from(run.outerjoin(run_total, counted))
        .where(run.c.organisation == organisation, run.c.state.not_in(("closed", "cancelled")))
        .group_by(run.c.state)
    )
    return [Figure(*row) for row in rows]


def count_in_states(session: Session, organisation: str, *states: str) -> Figure:
    """Return how many payments are in these states now, whatever their day."""
    row = session.execute(
        select(_PAYMENTS, _PENCE).where(
            run_total.c.organisation == organisation, run_total.c.state.in_(states)
        )
    ).one()
    return Figure(states[0], *row)


def count_exceptions(session: Session, organisation: str) -> int:
    """Return how many lines of the body's bank statements wait for a person."""
    table = reconciliation_exception
    return session.execute(
        select(func.count())
        .select_from(table)
        .where(table.c.body == organisation, table.c.state == "open")
    ).scalar_one()
