"""Verified attributes that a person keeps here, and the history of their sharing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class SafeItem(Base):
    """One verified attribute, sealed for its owner; with a flow it lives for that flow only."""

    __tablename__ = "safe_item"
    __table_args__ = (
        Index(
            "uq_safe_item_stored",
            "account_id",
            "scope",
            unique=True,
            postgresql_where=text("flow_id IS NULL"),
        ),
        Index(
            "uq_safe_item_flow",
            "account_id",
            "flow_id",
            "scope",
            unique=True,
            postgresql_where=text("flow_id IS NOT NULL"),
        ),
        Index("ix_safe_item_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    flow_id: Mapped[UUID | None]
    scope: Mapped[str] = mapped_column(Text)
    is_verified: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    verified_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SharingEvent(Base):
    """What was shared with whom and when; lines are added and never changed."""

    __tablename__ = "sharing_event"
    __table_args__ = (Index("ix_sharing_event_account_id", "account_id", "shared_at"),)

    flow_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    client_id: Mapped[str | None] = mapped_column(Text)
    client_name: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    shared_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
