"""Events that every webhook has heard of are deleted after some days, a batch at a time."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

AT_ONCE = 5_000
# An event that somebody still waits for, or heard of lately, stays with all its deliveries.
_OLD = text(
    """
    SELECT e.id FROM webhook_event e
     WHERE e.occurred_at < :before
       AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.event_id = e.id
                        AND (d.state = 'waiting' OR d.done_at >= :before))
     ORDER BY e.id LIMIT :most
    """
)
_DELETE = (
    text("DELETE FROM webhook_attempt WHERE event_id = ANY(:ids)"),
    text("DELETE FROM webhook_delivery WHERE event_id = ANY(:ids)"),
    text("DELETE FROM webhook_event WHERE id = ANY(:ids)"),
)


def purge_events(session: Session, keep_days: int, now: datetime, most: int = AT_ONCE) -> int:
    """Delete a batch of events older than so many days, with deliveries; returns how many."""
    before = now - timedelta(days=keep_days)
    ids = list(session.execute(_OLD, {"before": before, "most": most}).scalars())
    for statement in _DELETE:
        session.execute(statement, {"ids": ids})
    return len(ids)
