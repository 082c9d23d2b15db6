"""Passkeys, authenticator apps, backup codes, and the browsers that an account was used in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Passkey(Base):
    """A public key whose private half never leaves the person's device or its maker's cloud.

    ``can_sync`` and ``is_backed_up`` are the authenticator's backup flags; ``enrolled_level`` is
    what the session was worth in which it was added.
    """

    __tablename__ = "passkey"
    __table_args__ = (Index("ix_passkey_account_id", "account_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    aaguid: Mapped[str] = mapped_column(Text)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    can_sync: Mapped[bool] = mapped_column(Boolean)
    is_backed_up: Mapped[bool] = mapped_column(Boolean)
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    enrolled_level: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Totp(Base):
    """The one authenticator app of an account; ``last_step`` is the newest time step it used."""

    __tablename__ = "totp"

    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    enrolled_level: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class BackupCode(Base):
    """One of the ten codes that a person keeps on paper; only its keyed hash is here."""

    __tablename__ = "backup_code"

    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class KnownBrowser(Base):
    """A browser in which an account signed in, and the way it proved itself there last."""

    __tablename__ = "known_browser"
    __table_args__ = (Index("ix_known_browser_expires_at", "expires_at"),)

    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    factor: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UsedChallenge(Base):
    """A challenge that a passkey answered, kept while it could be answered again."""

    __tablename__ = "used_challenge"
    __table_args__ = (Index("ix_used_challenge_expires_at", "expires_at"),)

    challenge_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
