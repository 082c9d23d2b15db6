"""Reads of endpoints and of what was delivered to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from payments.webhooks.models import (
    webhook_attempt,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
    webhook_secret,
)
from payments.webhooks.rules import message_name
from shared.errors import NotFound


@dataclass(frozen=True)
class Endpoint:
    """An address that is told of events."""

    id: UUID
    organisation: str
    client_id: str | None
    url: str
    description: str
    event_types: Sequence[str]
    state: str
    state_reason: str
    state_at: datetime
    failing_since: datetime | None
    failures: int
    paused_until: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class Secret:
    """A signing secret, sealed."""

    id: UUID
    sealed: bytes
    created_at: datetime
    shown_at: datetime | None
    valid_until: datetime | None

    @property
    def aad(self) -> bytes:
        """The record that the secret is sealed for."""
        return f"webhook_secret:{self.id}".encode()


@dataclass(frozen=True)
class Delivery:
    """How far one event has come on its way to one endpoint."""

    event_id: int
    message_id: UUID
    type: str
    subject: str
    occurred_at: datetime
    data: dict[str, object]
    state: str
    attempts: int
    due_at: datetime
    last_status: int | None
    done_at: datetime | None

    @property
    def name(self) -> str:
        """The ``webhook-id``."""
        return message_name(self.message_id)


@dataclass(frozen=True)
class PastAttempt:
    """One attempt that was made."""

    at: datetime
    status: int | None
    error: str
    duration_ms: int


_COLUMNS = [webhook_endpoint.c[name] for name in Endpoint.__dataclass_fields__]
_SECRET = [webhook_secret.c[name] for name in Secret.__dataclass_fields__]
_DELIVERY = (
    webhook_event.c.id,
    webhook_event.c.message_id,
    webhook_event.c.type,
    webhook_event.c.subject,
    webhook_event.c.occurred_at,
    webhook_event.c.data,
    webhook_delivery.c.state,
    webhook_delivery.c.attempts,
    webhook_delivery.c.due_at,
    webhook_delivery.c.last_status,
    webhook_delivery.c.done_at,
)


def list_endpoints(
    session: Session, organisation: str, *, client_id: str | None = None
) -> list[Endpoint]:
    """Return the endpoints of a body that were not removed, oldest first; of a program its own."""
    query = select(*_COLUMNS).where(
        webhook_endpoint.c.organisation == organisation, webhook_endpoint.c.state != "removed"
    )
    if client_id is not None:
        query = query.where(webhook_endpoint.c.client_id == client_id)
    rows = session.execute(query.order_by(webhook_endpoint.c.created_at, webhook_endpoint.c.id))
    return [Endpoint(*row) for row in rows]


def get_endpoint(session: Session, organisation: str, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint; refuses one of another body, or removed, as if it did not exist."""
    return _one(session, webhook_endpoint.c.organisation == organisation, endpoint_id)


def get_endpoint_of_client(session: Session, client_id: str, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint that this program keeps; refuses every other as if it did not exist."""
    return _one(session, webhook_endpoint.c.client_id == client_id, endpoint_id)


def _one(session: Session, condition: ColumnElement[bool], endpoint_id: UUID) -> Endpoint:
    row = session.execute(
        select(*_COLUMNS).where(
            condition, webhook_endpoint.c.id == endpoint_id, webhook_endpoint.c.state != "removed"
        )
    ).one_or_none()
    if row is None:
        raise NotFound("webhook_not_found", "There is no such webhook")
    return Endpoint(*row)


def list_secrets(session: Session, endpoint_id: UUID, now: datetime) -> list[Secret]:
    """Return the secrets that sign now, the newest first: one, or two while they change over."""
    rows = session.execute(
        select(*_SECRET)
        .where(
            webhook_secret.c.endpoint_id == endpoint_id,
            or_(webhook_secret.c.valid_until.is_(None), webhook_secret.c.valid_until > now),
        )
        .order_by(webhook_secret.c.created_at.desc(), webhook_secret.c.id.desc())
    )
    return [Secret(row.id, bytes(row.sealed), *row[2:]) for row in rows]


def list_due(session: Session, endpoint_id: UUID, now: datetime, limit: int) -> list[Delivery]:
    """Return what waits for an endpoint and is due, the longest due first."""
    return _deliveries(
        session,
        _select(endpoint_id)
        .where(webhook_delivery.c.state == "waiting", webhook_delivery.c.due_at <= now)
        .order_by(webhook_delivery.c.due_at, webhook_delivery.c.event_id)
        .limit(limit),
    )


def find_next_due(session: Session, endpoint_id: UUID) -> datetime | None:
    """Return when the next message for an endpoint is due, None when nothing waits."""
    found: datetime | None = session.execute(
        select(func.min(webhook_delivery.c.due_at)).where(
            webhook_delivery.c.endpoint_id == endpoint_id, webhook_delivery.c.state == "waiting"
        )
    ).scalar_one()
    return found


def count_waiting(session: Session, endpoint_id: UUID, most: int = 100_000) -> int:
    """Return how many messages wait for an endpoint, counted up to ``most``."""
    some = (
        select(webhook_delivery.c.event_id)
        .where(webhook_delivery.c.endpoint_id == endpoint_id)
        .where(webhook_delivery.c.state == "waiting")
        .limit(most)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(some)).scalar_one()


def list_deliveries(
    session: Session,
    endpoint_id: UUID,
    *,
    state: str = "",
    subject: str = "",
    message_id: UUID | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """Return deliveries to an endpoint, newest first, with an event id lower than ``before``."""
    query = _select(endpoint_id).order_by(webhook_delivery.c.event_id.desc()).limit(limit)
    if state:
        query = query.where(webhook_delivery.c.state == state)
    if subject:
        query = query.where(webhook_event.c.subject == subject)
    if message_id is not None:
        query = query.where(webhook_event.c.message_id == message_id)
    if before is not None:
        query = query.where(webhook_delivery.c.event_id < before)
    return _deliveries(session, query)


def get_delivery(session: Session, endpoint_id: UUID, message_id: UUID) -> Delivery:
    """Return the delivery of one message to an endpoint; refuses one that there is not."""
    found = list_deliveries(session, endpoint_id, message_id=message_id, limit=1)
    if not found:
        raise NotFound("message_not_found", "There is no such message")
    return found[0]


def list_attempts(session: Session, endpoint_id: UUID, event_id: int) -> list[PastAttempt]:
    """Return each attempt to deliver one event to an endpoint, oldest first."""
    attempt = webhook_attempt.c
    rows = session.execute(
        select(attempt.at, attempt.status, attempt.error, attempt.duration_ms)
        .where(attempt.event_id == event_id, attempt.endpoint_id == endpoint_id)
        .order_by(attempt.id)
    )
    return [PastAttempt(*row) for row in rows]


def _select(endpoint_id: UUID) -> Select[*tuple[Any, ...]]:
    joined = webhook_delivery.join(webhook_event, webhook_event.c.id == webhook_delivery.c.event_id)
    return (
        select(*_DELIVERY).select_from(joined).where(webhook_delivery.c.endpoint_id == endpoint_id)
    )


def _deliveries(session: Session, query: Select[*tuple[Any, ...]]) -> list[Delivery]:
    return [Delivery(*row) for row in session.execute(query)]
