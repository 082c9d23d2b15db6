"""What a sandbox client ordered for its next flows, and how long a flow waits for a slow check."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Index, Integer, LargeBinary, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class SandboxPlan(Base):
    """A persona and faults for the next ``uses_left`` flows; with ``state_hash`` for that flow."""

    __tablename__ = "sandbox_plan"
    __table_args__ = (
        Index("ix_sandbox_plan_client_id", "client_id", "created_at"),
        Index("ix_sandbox_plan_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    client_id: Mapped[str] = mapped_column(Text)
    state_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    persona: Mapped[str | None] = mapped_column(Text)
    faults: Mapped[list[str]] = mapped_column(ARRAY(Text))
    uses_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SandboxWait(Base):
    """A check of identity that is not done yet; without ``ready_at`` only the API ends it."""

    __tablename__ = "sandbox_wait"
    __table_args__ = (Index("ix_sandbox_wait_expires_at", "expires_at"),)

    flow_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    ready_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
