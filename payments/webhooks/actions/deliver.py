"""Delivering: take what is due, send it outside any transaction, write down what came of it.

One job at a time delivers to an endpoint, under a lease on its row. What was sent and not yet
recorded when a worker dies is sent again, with the same ``webhook-id``: at least once.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.webhooks.queries import Delivery, find_next_due, list_due, list_secrets
from payments.webhooks.rules import (
    SUSPEND_AFTER,
    Attempt,
    next_attempt_at,
    read_retry_after,
    rest_until,
    sign,
    write_message,
)
from shared import audit
from shared.actors import SYSTEM
from shared.crypto import Sealer
from shared.db import Database
from shared.guarded_http import GuardedHttp, GuardedLine, OutboundError

LEASE = timedelta(seconds=60)
_BATCH = 32
# To an address that fails, few at a time: its time-outs hold a worker up.
_PROBE = 4
_SENDERS = 8
_MOST_ANSWER_BYTES = 16_384

_CLAIM = text(
    """
    UPDATE webhook_endpoint SET lease_until = :until
     WHERE id = :id AND state = 'enabled' AND (lease_until IS NULL OR lease_until <= :now)
    RETURNING url, failing_since, paused_until
    """
)
_RENEW = text(
    """
    UPDATE webhook_endpoint SET lease_until = :until
     WHERE id = :id AND state = 'enabled' AND lease_until = :mine
    RETURNING url, failing_since, paused_until
    """
)
_RELEASE = text(
    "UPDATE webhook_endpoint SET lease_until = NULL WHERE id = :id AND lease_until = :mine"
)
_STATE = text("SELECT state, lease_until, paused_until FROM webhook_endpoint WHERE id = :id")
_NOTE_ATTEMPTS = text(
    """
    INSERT INTO webhook_attempt (endpoint_id, event_id, at, status, error, duration_ms)
    SELECT :id, * FROM unnest(cast(:events AS bigint[]), cast(:at AS timestamptz[]),
      cast(:statuses AS integer[]), cast(:errors AS text[]), cast(:durations AS integer[]))
    """
)
_NOTE_DELIVERIES = text(
    """
    UPDATE webhook_delivery d
       SET attempts = d.attempts + 1, last_status = n.status, state = n.state,
           due_at = coalesce(n.due_at, d.due_at), done_at = n.done_at
      FROM unnest(cast(:events AS bigint[]), cast(:statuses AS integer[]),
                  cast(:states AS text[]), cast(:due AS timestamptz[]),
                  cast(:done AS timestamptz[])) AS n (event_id, status, state, due_at, done_at)
     WHERE d.endpoint_id = :id AND d.event_id = n.event_id AND d.state = 'waiting'
    """
)
_NOTE_SUCCESS = text(
    "UPDATE webhook_endpoint SET failing_since = NULL, failures = 0, paused_until = NULL"
    " WHERE id = :id AND (failing_since IS NOT NULL OR paused_until IS NOT NULL)"
)
_NOTE_FAILURE = text(
    """
    UPDATE webhook_endpoint
       SET failing_since = coalesce(failing_since, :first), failures = failures + 1
     WHERE id = :id RETURNING failing_since, failures, organisation, url
    """
)
_PAUSE = text("UPDATE webhook_endpoint SET paused_until = :until WHERE id = :id")
_SUSPEND = text(
    "UPDATE webhook_endpoint SET state = 'suspended', state_reason = :reason, state_at = :now"
    " WHERE id = :id AND state = 'enabled'"
)


@dataclass(frozen=True)
class Courier:
    """What delivering needs; ``now`` reads the clock."""

    database: Database
    sealer: Sealer
    outbound: GuardedHttp
    now: Callable[[], datetime]


@dataclass(frozen=True)
class _Batch:
    """What is sent together, to where, signed by which secrets; until when it is ours."""

    url: str
    secrets: Sequence[str]
    deliveries: Sequence[Delivery]
    lease_until: datetime


def deliver(courier: Courier, endpoint_id: UUID, *, budget_seconds: float = 20.0) -> None:
    """Send what is due to an endpoint, batch after batch, while the time lasts.

    Does nothing while another job delivers to it, while it rests, or when it is switched off.
    """
    began = time.monotonic()
    lease: datetime | None = None
    while True:
        batch = _take(courier, endpoint_id, lease)
        if batch is None:
            return
        lease = batch.lease_until
        if not batch.deliveries:
            break
        attempts = _send(courier, batch)
        with courier.database.transaction() as session:
            record(session, endpoint_id, batch.deliveries, attempts)
        if time.monotonic() - began > budget_seconds:
            break
    with courier.database.transaction() as session:
        session.execute(_RELEASE, {"id": endpoint_id, "mine": lease})


def find_next_run(session: Session, endpoint_id: UUID, now: datetime) -> datetime | None:
    """Return when somebody has to look after an endpoint again, None when nothing waits."""
    row = session.execute(_STATE, {"id": endpoint_id}).one()
    due = find_next_due(session, endpoint_id)
    if row.state != "enabled" or due is None:
        return None
    return max(moment for moment in (due, row.lease_until, row.paused_until, now) if moment)


def _take(courier: Courier, endpoint_id: UUID, mine: datetime | None) -> _Batch | None:
    """Return what is due under a fresh lease; None when the endpoint is not ours."""
    now = courier.now()
    values = {"id": endpoint_id, "until": now + LEASE, "now": now, "mine": mine}
    with courier.database.transaction() as session:
        row = session.execute(_CLAIM if mine is None else _RENEW, values).one_or_none()
        if row is None:
            return None
        rests = row.paused_until is not None and row.paused_until > now
        limit = _BATCH if row.failing_since is None else _PROBE
        due = [] if rests else list_due(session, endpoint_id, now, limit)
        signing = [
            courier.sealer.open(one.sealed, one.aad).decode()
            for one in list_secrets(session, endpoint_id, now)
        ]
    return _Batch(row.url, signing, due, now + LEASE)


def _send(courier: Courier, batch: _Batch) -> list[Attempt]:
    """Send a batch over a few connections; its address is checked once for all of it."""
    try:
        with (
            courier.outbound.connect(batch.url) as line,
            ThreadPoolExecutor(min(_SENDERS, len(batch.deliveries))) as pool,
        ):
            return list(
                pool.map(lambda one: _send_one(courier, line, batch, one), batch.deliveries)
            )
    except OutboundError as failure:
        at, why = courier.now(), str(failure)[:200]
        return [Attempt(one.event_id, at, None, why, 0) for one in batch.deliveries]


def _send_one(courier: Courier, line: GuardedLine, batch: _Batch, delivery: Delivery) -> Attempt:
    body = write_message(delivery.type, delivery.occurred_at, delivery.data)
    at, began = courier.now(), time.monotonic()
    headers = sign(batch.secrets, delivery.name, at, body)
    status, error, retry_after = None, "", None
    try:
        answer = line.send(
            "POST",
            _MOST_ANSWER_BYTES,
            content=body,
            headers={**headers, "Content-Type": "application/json"},
        )
        status = answer.status
        retry_after = read_retry_after(answer.headers.get("retry-after"))
    except OutboundError as failure:
        error = str(failure)[:200]
    took = int(1000 * (time.monotonic() - began))
    return Attempt(delivery.event_id, at, status, error, took, retry_after)


def record(
    session: Session,
    endpoint_id: UUID,
    deliveries: Sequence[Delivery],
    attempts: Sequence[Attempt],
) -> None:
    """Write down what came of a batch: for each message, and for the endpoint as a whole."""
    session.execute(
        _NOTE_ATTEMPTS,
        {
            "id": endpoint_id,
            "events": [one.event_id for one in attempts],
            "at": [one.at for one in attempts],
            "statuses": [one.status for one in attempts],
            "errors": [one.error for one in attempts],
            "durations": [one.duration_ms for one in attempts],
        },
    )
    due = [
        None if attempt.is_success else next_attempt_at(attempt, delivery.attempts + 1)
        for delivery, attempt in zip(deliveries, attempts, strict=True)
    ]
    states = [
        "delivered" if attempt.is_success else "given_up" if moment is None else "waiting"
        for attempt, moment in zip(attempts, due, strict=True)
    ]
    session.execute(
        _NOTE_DELIVERIES,
        {
            "id": endpoint_id,
            "events": [one.event_id for one in attempts],
            "statuses": [one.status for one in attempts],
            "states": states,
            "due": due,
            "done": [
                None if state == "waiting" else attempt.at
                for state, attempt in zip(states, attempts, strict=True)
            ],
        },
    )
    _judge(session, endpoint_id, attempts)


def _judge(session: Session, endpoint_id: UUID, attempts: Sequence[Attempt]) -> None:
    """Let an endpoint rest that took nothing; suspend it when it is gone or was away for days."""
    if any(attempt.is_success for attempt in attempts):
        session.execute(_NOTE_SUCCESS, {"id": endpoint_id})
        return
    first, last = min(one.at for one in attempts), max(one.at for one in attempts)
    row = session.execute(_NOTE_FAILURE, {"id": endpoint_id, "first": first}).one()
    gone = any(attempt.is_gone for attempt in attempts)
    if not gone and last - row.failing_since < SUSPEND_AFTER:
        until = rest_until(attempts, row.failures)
        session.execute(_PAUSE, {"id": endpoint_id, "until": until})
        return
    reason = "gone" if gone else "failing"
    session.execute(_SUSPEND, {"id": endpoint_id, "reason": reason, "now": last})
    details = {"reason": reason, "url": row.url, "organisation": row.organisation}
    audit.record(session, SYSTEM, "payments.webhook.suspended", "webhook", endpoint_id, details)
