"""Counters of tries: one statement counts and decides, so simultaneous tries cannot slip by."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# Tries beyond the limit move nothing: whoever goes on trying cannot prolong a lock for ever.
DAY = timedelta(days=1)
_TAKE = text(
    """
    INSERT INTO rate_counter AS counter (key, used, ends_at) VALUES (:key, 1, :ends_at)
    ON CONFLICT (key) DO UPDATE SET
      used = CASE WHEN counter.ends_at <= :now THEN 1 ELSE counter.used + 1 END,
      ends_at = CASE WHEN counter.ends_at <= :now OR counter.used + 1 = :maximum
                     THEN :ends_at ELSE counter.ends_at END
    RETURNING used
    """
)


def take(session: Session, key: bytes, maximum: int, window: timedelta, now: datetime) -> int:
    """Count one try and return its number in the window; above ``maximum`` it must be refused.

    The window starts with the first try, and anew with the last allowed one.
    """
    values = {"key": key, "now": now, "ends_at": now + window, "maximum": maximum}
    return int(session.execute(_TAKE, values).scalar_one())


def clear(session: Session, key: bytes) -> None:
    """Forget the tries of a counter, after success."""
    session.execute(text("DELETE FROM rate_counter WHERE key = :key"), {"key": key})


def forget_ended(session: Session, now: datetime) -> int:
    """Delete counters whose window is over, at most 10,000; returns how many."""
    result = session.execute(
        text(
            "DELETE FROM rate_counter WHERE key IN"
            " (SELECT key FROM rate_counter WHERE ends_at < :now LIMIT 10000)"
        ),
        {"now": now},
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count
