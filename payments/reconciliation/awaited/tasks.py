"""Every morning: what the bank should have shown by now and has not."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payments.reconciliation.awaited.actions import raise_late
from payments.reconciliation.awaited.queries import list_accounts
from shared import outbox
from shared.outbox import Job, handler

_TOPIC = "payments.reconciliation.raise_late"
# Five in the morning (UTC), after the night's statements and before people come.
_EPOCH = datetime(2000, 1, 1, 5, tzinfo=UTC)
_DAY = timedelta(days=1)


def plan_ageing(session: Session, now: datetime) -> None:
    """Have ages looked at next morning; the same morning twice is one work."""
    due_at = _EPOCH + ((now - _EPOCH) // _DAY + 1) * _DAY
    outbox.enqueue(session, _TOPIC, {}, key=due_at.isoformat(), due_at=due_at)


@handler(_TOPIC, lease_seconds=600)
def raise_all(job: Job) -> None:
    """Plan the next morning, then look at each account, each in a transaction of its own."""
    with job.database.transaction() as session:
        plan_ageing(session, job.now())
        accounts = list_accounts(session)
    for body, account_id in accounts:
        with job.database.transaction() as session:
            raise_late(session, body, account_id, job.now())
