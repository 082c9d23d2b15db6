"""Mailboxes, the letters in them, and the append-only record of who did what with each."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from notifications.base import Base

# One per verified person; `key_sealed` opens everything in it.
mailbox = Table(
    "mailbox",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("assurance", Text, nullable=False),
    Column("verified_at", DateTime(timezone=True), nullable=False),
    Column("language", Text, nullable=False),
    Column("key_sealed", LargeBinary, nullable=False),
    Column("email_sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("assurance IN ('medium', 'high')", name="assurance"),
    Index("uq_mailbox_subject", "subject", unique=True),
)

# `head_sealed` holds what the list shows, `content_sealed` the rest, `letter_sealed` the PDF; all
# three are sealed with the mailbox's key.
mailbox_message = Table(
    "mailbox_message",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("mailbox_id", ForeignKey("mailbox.id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tell_opened", Boolean, nullable=False),
    Column("head_sealed", LargeBinary, nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    Column("letter_sealed", LargeBinary),
    Column("letter_sha256", LargeBinary),
    Column("unread", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Column("opened_at", DateTime(timezone=True)),
    Column("archived_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('initialized', 'published')", name="state"),
    CheckConstraint(
        "(state = 'published') = (published_at IS NOT NULL)"
        " AND (state = 'published') = (letter_sealed IS NOT NULL)",
        name="published",
    ),
    CheckConstraint("opened_at IS NULL OR state = 'published'", name="opened"),
    Index("ix_mailbox_message_mailbox", "mailbox_id", "published_at", "id"),
)

# When it happened, by whom, and when we learned of it.
mailbox_event = Table(
    "mailbox_event",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", ForeignKey("mailbox_message.id"), nullable=False),
    Column("event", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("event_time", DateTime(timezone=True), nullable=False),
    Column("recorded_time", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_mailbox_event_message_id", "message_id", "id"),
)
