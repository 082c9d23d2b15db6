"""Tokens with which programs register clients, and the pictures of clients."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base

_CLIENT = "identity.relying_party.client_id"


class InitialAccessToken(Base):
    """A right to register some clients for an organisation; only the token's hash is kept."""

    __tablename__ = "initial_access_token"
    __table_args__ = (
        CheckConstraint("uses_left >= 0", name="uses_left"),
        Index("ix_initial_access_token_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    label: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text)
    certification: Mapped[bool] = mapped_column(Boolean)
    uses_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RegistrationAccessToken(Base):
    """The one token that may read, change and delete a client that registered itself."""

    __tablename__ = "registration_access_token"

    client_id: Mapped[str] = mapped_column(
        Text, ForeignKey(_CLIENT, ondelete="CASCADE"), primary_key=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    certification: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ClientLogo(Base):
    """The picture of a client as it was fetched once; browsers get it from us."""

    __tablename__ = "client_logo"

    client_id: Mapped[str] = mapped_column(
        Text, ForeignKey(_CLIENT, ondelete="CASCADE"), primary_key=True
    )
    logo_uri: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    fetched_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
