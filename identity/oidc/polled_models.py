"""Requests that a person answers elsewhere while the client asks again and again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class PolledRequest(Base):
    """A device's request (RFC 8628) or a decoupled one (CIBA), from its start to its tokens.

    ``valid_until`` is what the client was told; the row stays an hour longer, until
    ``expires_at``, so that the client can be told that its request has expired.
    """

    __tablename__ = "polled_request"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        UniqueConstraint("user_code_hash"),
        CheckConstraint("kind IN ('device', 'ciba')", name="kind"),
        CheckConstraint("(decided_at IS NULL) = (denied IS NULL)", name="decided"),
        CheckConstraint(
            "(authorisation_id IS NOT NULL) = (denied IS NOT NULL AND NOT denied)", name="approved"
        ),
        Index("ix_polled_request_expires_at", "expires_at"),
        Index("ix_polled_request_account_id", "account_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_code_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    account_id: Mapped[UUID | None] = mapped_column(
        Uuid, ForeignKey("identity.account.id", ondelete="CASCADE")
    )
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    asked: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    device: Mapped[str] = mapped_column(Text)
    message_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    notification_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    interval_seconds: Mapped[int] = mapped_column(SmallInteger)
    polled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    denied: Mapped[bool | None] = mapped_column(Boolean)
    authorisation_id: Mapped[UUID | None] = mapped_column(Uuid)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class KnownSubject(Base):
    """How a client that may ask by CIBA knows a person, so that its ``id_token_hint`` is found."""

    __tablename__ = "known_subject"
    __table_args__ = (Index("ix_known_subject_account_id", "account_id"),)

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("identity.account.id", ondelete="CASCADE")
    )
