"""How fast the responder is asked by files: one pace for all workers, kept in the database."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_RESERVE = text(
    """
    INSERT INTO name_pace AS p (id, next_at)
    VALUES (1, clock_timestamp() + make_interval(secs => :gap))
    ON CONFLICT (id) DO UPDATE
       SET next_at = greatest(p.next_at, clock_timestamp()) + make_interval(secs => :gap)
    RETURNING next_at - make_interval(secs => :gap)
    """
)


def reserve_turn(session: Session, per_second: float) -> datetime:
    """Return when the next question may be asked; the one after it gets a later turn.

    The row is locked until the caller's transaction ends, so that has to be soon.
    """
    turn: datetime = session.execute(_RESERVE, {"gap": 1 / per_second}).scalar_one()
    return turn
