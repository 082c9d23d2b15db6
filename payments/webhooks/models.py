"""Tables of webhook endpoints, their secrets, the events and each delivery."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from payments.base import Base
from payments.runs.models import body

_metadata = Base.metadata
_ZERO = text("0")

webhook_endpoint = Table(
    "webhook_endpoint",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    # The program that keeps it and hears of its own payments only; none for the console's.
    Column("client_id", Text),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=text("''")),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("failing_since", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=_ZERO),
    Column("paused_until", DateTime(timezone=True)),
    # Who delivers to it now; one job at a time, so that a slow address holds up itself only.
    Column("lease_until", DateTime(timezone=True)),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("ix_webhook_endpoint_organisation", "organisation", "created_at"),
)
webhook_secret = Table(
    "webhook_secret",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("endpoint_id", Uuid, ForeignKey(webhook_endpoint.c.id), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("shown_at", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Index("ix_webhook_secret_endpoint_id", "endpoint_id", "created_at"),
    Index(
        "uq_webhook_secret_current",
        "endpoint_id",
        unique=True,
        postgresql_where=text("valid_until IS NULL"),
    ),
)
webhook_event = Table(
    "webhook_event",
    _metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("organisation", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("client_id", Text),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("data", JSONB, nullable=False),
    UniqueConstraint("message_id"),
    Index("ix_webhook_event_organisation_occurred_at", "organisation", "occurred_at"),
    Index("ix_webhook_event_organisation_subject", "organisation", "subject"),
)
webhook_delivery = Table(
    "webhook_delivery",
    _metadata,
    Column("endpoint_id", Uuid, ForeignKey(webhook_endpoint.c.id), primary_key=True),
    Column("event_id", BigInteger, ForeignKey(webhook_event.c.id), primary_key=True),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("attempts", Integer, nullable=False, server_default=_ZERO),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("last_status", Integer),
    Column("done_at", DateTime(timezone=True)),
    Index(
        "ix_webhook_delivery_waiting",
        "endpoint_id",
        "due_at",
        "event_id",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_webhook_delivery_given_up",
        "endpoint_id",
        "event_id",
        postgresql_where=text("state = 'given_up'"),
    ),
)
webhook_attempt = Table(
    "webhook_attempt",
    _metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Uuid, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Integer),
    Column("error", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Index("ix_webhook_attempt_event_id", "event_id", "endpoint_id", "id"),
)
