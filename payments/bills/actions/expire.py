"""Bills that nobody paid in time end by the clock, batch by batch."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bills.actions.pending import end_pending
from shared import audit
from shared.actors import SYSTEM
from shared.clock import london_date

AT_ONCE = 5_000
# Bills that somebody pays this instant are left to them and to the next time.
_EXPIRE = text(
    """
    WITH due AS MATERIALIZED (
      SELECT id FROM bill WHERE state = 'open' AND expires_on < :today
       ORDER BY expires_on LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    UPDATE bill SET state = 'expired', state_at = :now FROM due WHERE bill.id = due.id
    RETURNING bill.id, bill.organisation, bill.amount_pence
    """
)


def expire_due(session: Session, now: datetime) -> int:
    """End up to 5,000 bills whose last day is over, and the requests to pay them; returns how many.

    One audit line for each body says it for all its bills.
    """
    values = {"today": london_date(now), "at_once": AT_ONCE, "now": now}
    rows = session.execute(_EXPIRE, values).all()
    if not rows:
        return 0
    end_pending(session, [row.id for row in rows], "EXP", now)
    for organisation in sorted({row.organisation for row in rows}):
        own = [row.amount_pence for row in rows if row.organisation == organisation]
        details = {"bills": len(own), "total_pence": sum(own)}
        audit.record(session, SYSTEM, "payments.bills.expired", "body", organisation, details)
    return len(rows)
