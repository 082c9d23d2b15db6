"""Delivering webhooks after the commit that they tell of."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from payments.settings import PaymentsSettings
from payments.webhooks.actions.deliver import Courier, deliver, find_next_run
from shared import outbox
from shared.crypto import Sealer
from shared.guarded_http import GuardedHttp
from shared.outbox import Job, handler
from shared.settings import ServiceSettings


# Longer than the longest batch after the longest wait.
@handler("payments.webhooks.deliver", lease_seconds=120)
def send_webhooks(job: Job) -> None:
    """Deliver what is due to one endpoint, and plan the next time while anything waits."""
    endpoint_id = UUID(job.text("endpoint_id"))
    courier = Courier(
        job.database,
        _sealer(job.settings.encryption_key_file),
        make_outbound(job.settings),
        job.now,
    )
    deliver(courier, endpoint_id)
    with job.database.transaction() as session:
        plan_next(session, endpoint_id, job.now())
        job.finish(session)


def plan_next(session: Session, endpoint_id: UUID, now: datetime) -> None:
    """Have an endpoint looked after again; the same moment to come twice is one work."""
    at = find_next_run(session, endpoint_id, now)
    if at is None:
        return
    key = f"{endpoint_id}/{at.isoformat()}" if at > now else None
    outbox.enqueue(
        session,
        "payments.webhooks.deliver",
        {"endpoint_id": str(endpoint_id)},
        key=key,
        due_at=at,
    )


def make_outbound(settings: ServiceSettings) -> GuardedHttp:
    """Return the guarded client of webhooks, as the settings have it."""
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("webhooks are a matter of the payments service")
    return GuardedHttp(
        settings.webhook_timeout_seconds,
        allowed_hosts=frozenset(settings.outbound_allowed_hosts),
    )


@lru_cache(maxsize=4)
def _sealer(key_file: Path) -> Sealer:
    return Sealer(key_file)
