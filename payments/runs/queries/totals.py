"""How many payments are in each state, from the stored totals: no payment is counted."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.runs.models import run_total

GONE = ("cancelled", "recalled")


@dataclass(frozen=True)
class Figure:
    """How many payments, and how much they are together."""

    name: str
    count: int
    total_pence: int


def get_totals(session: Session, run_id: UUID) -> dict[str, Figure]:
    """Return the count and sum of a run's payments by state; states without one are left out."""
    rows = session.execute(
        select(run_total.c.state, func.sum(run_total.c.payments), func.sum(run_total.c.pence))
        .where(run_total.c.run_id == run_id)
        .group_by(run_total.c.state)
    )
    return {
        state: Figure(state, int(payments), int(pence))
        for state, payments, pence in rows
        if payments
    }


def add_up(totals: dict[str, Figure], *states: str, name: str = "") -> Figure:
    """Return the sum of some states."""
    found = [totals[state] for state in states if state in totals]
    return Figure(
        name, sum(figure.count for figure in found), sum(figure.total_pence for figure in found)
    )


def without(totals: dict[str, Figure], *states: str, name: str = "") -> Figure:
    """Return the sum of all states but some."""
    return add_up(totals, *(state for state in totals if state not in states), name=name)
