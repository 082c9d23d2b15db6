"""Checks of who somebody is, one row per try."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Verification(Base):
    """One try to verify an account's owner; names, evidence and scores are sealed."""

    __tablename__ = "verification"
    __table_args__ = (
        CheckConstraint(
            "state IN ('starting', 'with_provider', 'collecting', 'verified',"
            " 'verified_with_warnings', 'failed', 'abandoned')",
            name="state",
        ),
        Index("ix_verification_account_id", "account_id", "created_at"),
        Index("ix_verification_expires_at", "expires_at"),
        Index(
            "uq_verification_open",
            "account_id",
            "flow_id",
            unique=True,
            postgresql_where="state IN ('starting', 'with_provider', 'collecting')",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    flow_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(Text)
    claimed_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    provider: Mapped[str] = mapped_column(Text)
    provider_reference: Mapped[str | None] = mapped_column(Text)
    capture_url: Mapped[str | None] = mapped_column(Text)
    claim_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    profile: Mapped[str | None] = mapped_column(Text)
    policy_version: Mapped[str | None] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    result_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
