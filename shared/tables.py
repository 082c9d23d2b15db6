"""The tables that every service has in its own schema: outbox, audit, answers, sessions."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

_NOW = text("now()")


def _moment(name: str, *, default: bool = False, nullable: bool = True) -> Column[object]:
    return Column(
        name,
        DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=_NOW if default else None,
    )


def add_floor_tables(metadata: MetaData) -> None:
    """Describe the floor's tables in a service's metadata, so that drift is noticed."""
    _add_work_tables(metadata)
    _add_session_tables(metadata)


def _add_work_tables(metadata: MetaData) -> None:
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", Text),
        Column("payload", JSONB, nullable=False),
        Column("correlation_id", Text, nullable=False),
        Column("traceparent", Text),
        _moment("created_at", default=True),
        _moment("due_at", default=True),
        _moment("published_at"),
        Column("published_count", SmallInteger, nullable=False, server_default=text("0")),
        Column("attempt", Integer, nullable=False, server_default=text("0")),
        _moment("lease_until"),
        Column("last_error", Text),
        _moment("done_at"),
        _moment("dead_at"),
        Index(
            "uq_outbox_topic_key",
            "topic",
            "key",
            unique=True,
            postgresql_where=text("key IS NOT NULL"),
        ),
        Index(
            "ix_outbox_waiting",
            "due_at",
            "id",
            postgresql_where=text("done_at IS NULL AND dead_at IS NULL"),
        ),
    )
    Table(
        "audit_event",
        metadata,
        Column("id", Uuid, primary_key=True),
        _moment("at", default=True),
        Column("correlation_id", Text, nullable=False),
        Column("actor_kind", Text, nullable=False),
        Column("actor_id", Text, nullable=False),
        Column("actor_organisation", Text),
        Column("actor_name", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("object_type", Text, nullable=False),
        Column("object_id", Text, nullable=False),
        Column("details", JSONB, nullable=False),
        Index("ix_audit_event_object", "object_type", "object_id", "id"),
        Index("ix_audit_event_correlation_id", "correlation_id"),
    )
    Table(
        "idempotency_key",
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("status", SmallInteger, nullable=False),
        Column("body", JSONB),
        _moment("created_at", default=True),
        _moment("expires_at", nullable=False),
        Index("ix_idempotency_key_expires_at", "expires_at"),
    )


def _add_session_tables(metadata: MetaData) -> None:
    Table(
        "web_session",
        metadata,
        Column("id_hash", LargeBinary, primary_key=True),
        Column("subject", Text, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("sid", Text),
        _moment("created_at", default=True),
        _moment("expires_at", nullable=False),
        Index("ix_web_session_expires_at", "expires_at"),
        Index("ix_web_session_sid", "sid", postgresql_where=text("sid IS NOT NULL")),
        Index("ix_web_session_subject", "subject"),
    )
    Table(
        "used_logout_token",
        metadata,
        Column("jti_hash", LargeBinary, primary_key=True),
        _moment("expires_at", nullable=False),
        Index("ix_used_logout_token_expires_at", "expires_at"),
    )
    Table(
        "login_attempt",
        metadata,
        Column("state_hash", LargeBinary, primary_key=True),
        Column("browser_hash", LargeBinary, nullable=False),
        Column("nonce", Text, nullable=False),
        Column("code_verifier", Text, nullable=False),
        Column("return_to", Text, nullable=False),
        _moment("created_at", default=True),
        _moment("expires_at", nullable=False),
        Index("ix_login_attempt_expires_at", "expires_at"),
    )
