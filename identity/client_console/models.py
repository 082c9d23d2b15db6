"""What the console keeps beside a client's registration: drafts, purposes, tests, refusals."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class ConsoleClient(Base):
    """Which service and environment a client belongs to, and why it asks what it asks."""

    __tablename__ = "console_client"
    __table_args__ = (Index("ix_console_client_service_id", "service_id"),)

    client_id: Mapped[str] = mapped_column(
        ForeignKey("relying_party.client_id", ondelete="CASCADE"), primary_key=True
    )
    service_id: Mapped[UUID] = mapped_column(ForeignKey("body_service.id"))
    environment: Mapped[str] = mapped_column(Text)
    purposes: Mapped[dict[str, str]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ClientDraft(Base):
    """Answers to the questions of a registration, or of a change, before they count."""

    __tablename__ = "client_draft"
    __table_args__ = (Index("ix_client_draft_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("body_service.id", ondelete="CASCADE"))
    environment: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str | None] = mapped_column(
        ForeignKey("relying_party.client_id", ondelete="CASCADE")
    )
    answers: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Trial(Base):
    """One test sign-in with a companion client; what it showed is sealed and soon forgotten."""

    __tablename__ = "client_trial"
    __table_args__ = (Index("ix_client_trial_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("relying_party.client_id", ondelete="CASCADE")
    )
    companion_id: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    secrets_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    result_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ClientRefusal(Base):
    """One of the last fifty refusals that a client got: a ring of numbered places."""

    __tablename__ = "client_refusal"
    __table_args__ = (Index("ix_client_refusal_expires_at", "expires_at"),)

    client_id: Mapped[str] = mapped_column(
        ForeignKey("relying_party.client_id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    endpoint: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
