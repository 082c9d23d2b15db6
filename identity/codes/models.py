"""One-time codes that go to an email address or a telephone of an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base

_PURPOSES = (
    "purpose IN ('confirm_phone', 'old_phone', 'phone_factor', 'change_email', 'recover_email',"
    " 'recover_now', 'not_me')"
)


class ContactCheck(Base):
    """A code that proves that a person reads what goes to an address or number.

    ``subject_id`` is what the code is for: a session, an attempt or a waiting change.
    """

    __tablename__ = "contact_check"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms', 'voice')", name="channel"),
        CheckConstraint(_PURPOSES, name="purpose"),
        Index("ix_contact_check_expires_at", "expires_at"),
        Index("ix_contact_check_account_id", "account_id", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    subject_id: Mapped[UUID | None]
    channel: Mapped[str] = mapped_column(Text)
    target_index: Mapped[bytes] = mapped_column(LargeBinary)
    target_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    code_number: Mapped[int] = mapped_column(SmallInteger)
    code_expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    tries: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
