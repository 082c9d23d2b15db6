"""Reads of holds."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.runs.queries.runs import Run
from shared.errors import Conflict

_LEVELS = {"body": "All payments of the organisation", "programme": "The programme", "run": "Run"}
_HOLDS = """
    SELECT h.id, h.level, h.reason, h.owner, h.review_on, h.placed_by_id, h.placed_by_name,
           h.placed_at, h.lifted_by_name, h.lifted_at, h.lift_reason, h.run_id,
           p.public_id AS payment_id,
           coalesce(p.reference, r.reference, g.name, '') AS subject
      FROM hold h LEFT JOIN programme g ON g.id = h.programme_id
      LEFT JOIN run r ON r.id = h.run_id LEFT JOIN payment p ON p.id = h.payment_id
"""
_STANDING = text(
    f"{_HOLDS} WHERE h.organisation = :organisation AND h.lifted_at IS NULL"
    " ORDER BY h.review_on, h.id"
)
_LIFTED = text(
    f"{_HOLDS} WHERE h.organisation = :organisation AND h.lifted_at IS NOT NULL"
    " ORDER BY h.lifted_at DESC LIMIT 50"
)
_OF_RUN = text(
    f"{_HOLDS} WHERE h.organisation = :organisation AND h.lifted_at IS NULL AND"
    " (h.level = 'body' OR h.programme_id = :programme OR h.run_id = :run) ORDER BY h.id"
)
_HELD = text(
    """
    SELECT p.public_id, p.reference, p.payee_name, p.amount_pence, p.hold_reason, p.state_at,
           r.id AS run_id, r.reference AS run
      FROM payment p JOIN run r ON r.id = p.run_id
     WHERE p.state = 'held' AND p.run_id IN (
           SELECT run_id FROM run_total WHERE organisation = :organisation AND state = 'held'
            GROUP BY run_id HAVING sum(payments) > 0)
     ORDER BY p.state_at, p.id OFFSET :offset LIMIT :limit
    """
)


@dataclass(frozen=True)
class HoldView:
    """A hold with what it is on, and who lifted it if anybody."""

    id: UUID
    level: str
    reason: str
    owner: str
    review_on: date
    placed_by_id: str
    placed_by_name: str
    placed_at: datetime
    lifted_by_name: str | None
    lifted_at: datetime | None
    lift_reason: str | None
    run_id: UUID | None
    payment_id: str | None
    subject: str


@dataclass(frozen=True)
class HeldPayment:
    """A payment that waits, and since when."""

    public_id: str
    reference: str
    payee_name: str
    amount_pence: int
    hold_reason: str
    state_at: datetime
    run_id: UUID
    run: str


def list_standing(session: Session, organisation: str) -> list[HoldView]:
    """Return the holds that stand, the next to review first."""
    rows = session.execute(_STANDING, {"organisation": organisation})
    return [HoldView(*row) for row in rows]


def list_lifted(session: Session, organisation: str) -> list[HoldView]:
    """Return the fifty holds that were lifted last."""
    rows = session.execute(_LIFTED, {"organisation": organisation})
    return [HoldView(*row) for row in rows]


def list_held(session: Session, organisation: str, offset: int, limit: int) -> list[HeldPayment]:
    """Return a page of the payments that are held, the longest first."""
    values = {"organisation": organisation, "offset": offset, "limit": limit}
    return [HeldPayment(*row) for row in session.execute(_HELD, values)]


def list_holds_of_run(session: Session, run: Run) -> list[HoldView]:
    """Return the holds of a run, of its programme and of its body."""
    rows = session.execute(
        _OF_RUN,
        {"organisation": run.organisation, "programme": run.programme.id, "run": run.id},
    )
    return [HoldView(*row) for row in rows]


def check_not_held(session: Session, run: Run) -> None:
    """Refuse a step of a run that is held, or whose programme or body is.

    Raises:
        Conflict: ``held``, with the reason and its owner.
    """
    found = list_holds_of_run(session, run)
    if found:
        what = f"{_LEVELS[found[0].level]} {found[0].subject}".strip()
        raise Conflict("held", f"{what} is held", detail=f"{found[0].reason} Ask {found[0].owner}.")
