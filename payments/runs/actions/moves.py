"""Moves of many payments of a run with one statement, whatever their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.runs.actions.history import tell_cases
from payments.runs.rules import PaymentState, can_reach
from payments.webhooks.actions.announce import announce_moves

FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)
_MOVE = text(
    """
    WITH moved AS (
      UPDATE payment SET state = :after, state_at = :now, hold_code = NULL, hold_reason = NULL,
                         reason = coalesce(cast(:reason AS text), reason)
       WHERE run_id = :run AND id BETWEEN :first AND :last AND state = ANY(:before)
      RETURNING organisation, public_id, amount_pence, correlation_id, case_reference)
    SELECT count(*) AS payments, coalesce(sum(amount_pence), 0) AS pence,
           min(organisation) AS organisation,
           array_agg(public_id) FILTER (WHERE case_reference IS NOT NULL) AS told,
           array_agg(correlation_id) FILTER (WHERE case_reference IS NOT NULL) AS stories
      FROM moved
    """
)


@dataclass(frozen=True)
class Moved:
    """How many payments moved, and how much they are together."""

    count: int
    pence: int


def move_range(
    session: Session,
    run_id: UUID,
    before: Sequence[PaymentState],
    after: PaymentState,
    now: datetime,
    *,
    first: UUID = FIRST_ID,
    last: UUID = LAST_ID,
    reason: str | None = None,
) -> Moved:
    """Move those payments of a run that are in one of these states, and tell their cases.

    Only ids from ``first`` to ``last``; the caller holds the run, or the shard of its stage.

    Raises:
        ValueError: one of the states does not lead there.
    """
    for state in before:
        if not can_reach(state, after):
            raise ValueError(f"a payment that is {state} cannot become {after}")
    row = session.execute(
        _MOVE,
        {
            "run": run_id,
            "before": list(before),
            "after": after,
            "first": first,
            "last": last,
            "now": now,
            "reason": reason,
        },
    ).one()
    told = list(zip(row.told or [], row.stories or [], strict=True))
    tell_cases(session, row.organisation or "", told, after, now)
    if row.payments:
        announce_moves(session, row.organisation, run_id, after, first, last, now)
    return Moved(row.payments, int(row.pence))
