"""Accounts, and the counters that bound what may be tried."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Account(Base):
    """A person who can sign in; the email address is sealed, its keyed index finds the row.

    ``persona`` names a fictitious person, who exists for the sandbox clients of one body only.
    Of a closed account only the row stays, without anything personal: the history of sharing and
    the record of what happened refer to it. Until ``recovered_until`` a password and an emailed
    code count as one factor; until ``frozen_until`` nothing may be changed.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("(persona IS NULL) = (sandbox_space IS NULL)", name="persona"),
        Index(
            "uq_account_persona",
            "sandbox_space",
            "persona",
            unique=True,
            postgresql_where=text("persona IS NOT NULL"),
        ),
        Index(
            "ix_account_closing_at",
            "closing_at",
            postgresql_where=text("closing_at IS NOT NULL AND closed_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    email_confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    email_check_id: Mapped[UUID]
    display_name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    password_hash: Mapped[str] = mapped_column(Text)
    password_changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    language: Mapped[str] = mapped_column(Text)
    mailbox_id: Mapped[str | None] = mapped_column(Text)
    persona: Mapped[str | None] = mapped_column(Text)
    sandbox_space: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closing_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    recovered_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    frozen_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class LookupKey(Base):
    """The one key under which addresses are found; it never changes, as its hashes must not."""

    __tablename__ = "lookup_key"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RateCounter(Base):
    """How often something was tried in the window that ends at ``ends_at``."""

    __tablename__ = "rate_counter"
    __table_args__ = (Index("ix_rate_counter_ends_at", "ends_at"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used: Mapped[int] = mapped_column(Integer)
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
