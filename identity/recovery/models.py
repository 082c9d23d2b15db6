"""Changes of how an account is reached and signed in to: waiting, done, stopped, undone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class AccountChange(Base):
    """One change, with what was before while it can be undone.

    ``before`` and ``after`` are an address, a number or a password's hash, each sealed; the
    password's hash is only kept, never shown.
    """

    __tablename__ = "account_change"
    __table_args__ = (
        CheckConstraint("kind IN ('email', 'phone', 'phone_removed', 'password')", name="kind"),
        CheckConstraint("state IN ('waiting', 'done', 'stopped', 'undone')", name="state"),
        Index("ix_account_change_account_id", "account_id", "created_at"),
        Index("ix_account_change_before_index", "before_index"),
        Index("ix_account_change_expires_at", "expires_at"),
        Index(
            "uq_account_change_waiting",
            "account_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    before_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    before_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    before_kind: Mapped[str | None] = mapped_column(Text)
    after_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    after_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    happens_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
