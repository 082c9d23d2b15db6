"""Public bodies, their services, and the people who work for them here."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Organisation(Base):
    """A public body; its slug names it everywhere on the platform."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("status IN ('applied', 'approved', 'suspended', 'refused')", name="status"),
    )

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, server_default="other")
    status: Mapped[str] = mapped_column(Text, server_default="approved")
    status_reason: Mapped[str] = mapped_column(Text, server_default="")
    applied_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StaffMember(Base):
    """What an account may do for an organisation."""

    __tablename__ = "staff_member"
    __table_args__ = (Index("ix_staff_member_organisation", "organisation"),)

    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"), primary_key=True)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BodyService(Base):
    """A public service of a body, for which clients are registered.

    ``live_state`` is ``none``, ``requested``, ``approved`` or ``refused``: the sandbox is open from
    the start, real people come only after an operator agreed.
    """

    __tablename__ = "body_service"
    __table_args__ = (
        CheckConstraint(
            "live_state IN ('none', 'requested', 'approved', 'refused')", name="live_state"
        ),
        Index("ix_body_service_organisation", "organisation"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"))
    name: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    live_state: Mapped[str] = mapped_column(Text)
    live_requested_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    live_requested_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("account.id", ondelete="SET NULL")
    )
    live_note: Mapped[str] = mapped_column(Text)
    live_decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
