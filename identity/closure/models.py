"""What is kept of an account's checks after it is closed, apart from everything else."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class KeptEvidence(Base):
    """Evidence of one check of identity, sealed, for the time that fraud prevention asks for."""

    __tablename__ = "kept_evidence"
    __table_args__ = (Index("ix_kept_evidence_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
