"""The telephone of an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Phone(Base):
    """The one confirmed number of an account, sealed; its keyed hash finds it again."""

    __tablename__ = "phone"
    __table_args__ = (
        CheckConstraint("kind IN ('mobile', 'landline')", name="kind"),
        Index("ix_phone_number_index", "number_index"),
    )

    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    number_index: Mapped[bytes] = mapped_column(LargeBinary)
    number_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(Text)
    confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    check_id: Mapped[UUID]
