"""Messages to people, and the append-only record of what became of each."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from notifications.base import Base

_FALSE = text("false")

# Recipient, values and the sender's reference are sealed. `in_flight` is true from just before the
# provider is called until its answer is written: a message found in flight may have gone out.
message = Table(
    "message",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("recipient_index", LargeBinary, nullable=False),
    Column("recipient_sealed", LargeBinary, nullable=False),
    Column("personalisation_sealed", LargeBinary),
    Column("reference_index", LargeBinary),
    Column("reference_sealed", LargeBinary),
    Column("in_flight", Boolean, nullable=False, server_default=_FALSE),
    Column("possible_duplicate", Boolean, nullable=False, server_default=_FALSE),
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    # The provider's own name for a text or call, under which it reports delivery.
    Column("provider_reference", Text),
    CheckConstraint("channel IN ('email', 'sms', 'voice')", name="channel"),
    CheckConstraint(
        "state IN ('created', 'sending', 'sent', 'delivered', 'temporary-failure',"
        " 'permanent-failure')",
        name="state",
    ),
    CheckConstraint(
        "(state IN ('created', 'sending', 'sent')) = (completed_at IS NULL)", name="completed"
    ),
    Index("ix_message_recipient_index", "recipient_index"),
    Index("ix_message_reference_index", "client_id", "reference_index"),
    Index(
        "ix_message_sent", "channel", "provider_reference", postgresql_where=text("state = 'sent'")
    ),
)

# `code` is the mail server's, never its words, which name people.
message_event = Table(
    "message_event",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", ForeignKey("message.id"), nullable=False),
    Column("event", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("event_time", DateTime(timezone=True), nullable=False),
    Column("recorded_time", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_message_event_message_id", "message_id", "id"),
)
