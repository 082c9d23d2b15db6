"""Schedules by the clock: every ten minutes the runs that are due are made, one job a schedule."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from payments.bank.tasks import vault_of
from payments.runs.schedules.actions.make import make_next
from payments.runs.schedules.queries import list_due
from shared import outbox
from shared.outbox import Job, handler

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PERIOD = timedelta(minutes=10)
_AT_ONCE = 500
# After an outage of years a schedule still ends its work in one go.
_MOST_DAYS = 1_000


def plan(session: Session, now: datetime) -> None:
    """Have schedules looked at in the next ten minutes; the same time twice is one work."""
    due_at = _EPOCH + ((now - _EPOCH) // _PERIOD + 1) * _PERIOD
    outbox.enqueue(session, "payments.schedules.look", {}, key=due_at.isoformat(), due_at=due_at)


@handler("payments.schedules.look")
def look(job: Job) -> None:
    """Plan the next look, and ask for the runs that are due."""
    with job.database.transaction() as session:
        plan(session, job.now())
        for schedule_id in list_due(session, job.now(), _AT_ONCE):
            outbox.enqueue(session, "payments.schedules.make", {"schedule_id": str(schedule_id)})
        job.finish(session)


@handler("payments.schedules.make", lease_seconds=120)
def make(job: Job) -> None:
    """Make each run of a schedule that is due, a transaction each; done already changes nothing."""
    schedule_id = UUID(job.text("schedule_id"))
    for _ in range(_MOST_DAYS):
        with job.database.transaction() as session:
            if not make_next(session, vault_of(job.settings), schedule_id, job.now()):
                break
    with job.database.transaction() as session:
        job.finish(session)
