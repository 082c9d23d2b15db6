"""Looks after the signing keys once an hour: rotates and retires what is due."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from identity.keys.actions import tend_keys
from identity.settings import get_settings
from shared.crypto import Sealer
from shared.logs import get_logger
from shared.outbox import Job, enqueue, handler

TEND_TOPIC = "identity.keys.tend"
_EVERY = timedelta(hours=1)


def plan_tending(session: Session, now: datetime) -> None:
    """Write the next look at the keys down, one for each hour however often this is called."""
    slot = int((now + _EVERY).timestamp() // _EVERY.total_seconds())
    enqueue(session, TEND_TOPIC, {"slot": slot}, key=str(slot), due_at=now + _EVERY)


@handler(TEND_TOPIC, lease_seconds=60)
def tend(job: Job) -> None:
    """Rotate the keys when they have signed for long enough, and plan the next look."""
    settings = get_settings()
    tend_with(job, Sealer(settings.encryption_key_file), settings.key_rotation_days)


def tend_with(job: Job, sealer: Sealer, every_days: int) -> None:
    """Do it in one transaction, so that a look that failed is simply repeated."""
    with job.database.transaction() as session:
        plan_tending(session, job.now())
        active = tend_keys(session, sealer, every_days, job.now())
    if active:
        get_logger().info("keys.rotated", active=active)
