"""What happens to bills by the clock: they expire."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payments.bills.actions.expire import AT_ONCE, expire_due
from shared import outbox
from shared.outbox import Job, handler

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PERIOD = timedelta(hours=1)


def plan(session: Session, now: datetime) -> None:
    """Have bills looked after at the next full hour; the same hour twice is one work."""
    due_at = _EPOCH + ((now - _EPOCH) // _PERIOD + 1) * _PERIOD
    outbox.enqueue(session, "payments.bills.look_after", {}, key=due_at.isoformat(), due_at=due_at)


@handler("payments.bills.look_after", lease_seconds=300)
def look_after(job: Job) -> None:
    """Plan the next time, and end what is due."""
    with job.database.transaction() as session:
        plan(session, job.now())
    more = True
    while more:
        with job.database.transaction() as session:
            more = expire_due(session, job.now()) == AT_ONCE
