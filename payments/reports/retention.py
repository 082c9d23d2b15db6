"""Once a day what has been kept long enough is deleted, in batches."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payments.settings import PaymentsSettings
from payments.uploads.actions.retention import delete_abandoned
from payments.webhooks.actions.purge import AT_ONCE, purge_events
from shared import outbox
from shared.outbox import Job, handler

_EPOCH = datetime(2000, 1, 1, 2, tzinfo=UTC)
_DAY = timedelta(days=1)


def plan(session: Session, now: datetime) -> None:
    """Have it done at two in the morning (UTC); the same day twice is one work."""
    due_at = _EPOCH + ((now - _EPOCH) // _DAY + 1) * _DAY
    outbox.enqueue(session, "payments.retention", {}, key=due_at.isoformat(), due_at=due_at)


@handler("payments.retention", lease_seconds=600)
def delete_old(job: Job) -> None:
    """Plan the next day, then delete batch by batch, a transaction each; twice changes nothing."""
    settings = job.settings
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("retention is a matter of the payments service")
    with job.database.transaction() as session:
        plan(session, job.now())
    more = True
    while more:
        with job.database.transaction() as session:
            more = purge_events(session, settings.webhook_keep_days, job.now()) == AT_ONCE
    more = True
    while more:
        with job.database.transaction() as session:
            more = delete_abandoned(session, settings.upload_keep_days, job.now()) is not None
    with job.database.transaction() as session:
        job.finish(session)
