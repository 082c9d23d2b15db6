"""Signing keys, and the salt from which subjects are made."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class SigningKeyRow(Base):
    """A key pair; the private part is sealed, and gone once the key no longer signs."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("algorithm IN ('ES256', 'RS256', 'PS256', 'EdDSA')", name="algorithm"),
        CheckConstraint("state IN ('next', 'active', 'retiring', 'retired')", name="state"),
        CheckConstraint(
            "(state IN ('next', 'active')) = (private_sealed IS NOT NULL)", name="sealed"
        ),
        Index(
            "uq_signing_key_active",
            "algorithm",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "uq_signing_key_next",
            "algorithm",
            unique=True,
            postgresql_where=text("state = 'next'"),
        ),
    )

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    algorithm: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    public_jwk: Mapped[dict[str, object]] = mapped_column(JSONB)
    private_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    activated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    retiring_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SubjectSalt(Base):
    """The one secret that makes subjects; it never changes, as subjects must not."""

    __tablename__ = "subject_salt"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class IdentityKeyRow(Base):
    """A key pair of the identity host, which signs nothing but proofs of identity."""

    __tablename__ = "identity_key"
    __table_args__ = (
        CheckConstraint("state IN ('next', 'active', 'retiring')", name="state"),
        CheckConstraint(
            "(state IN ('next', 'active')) = (private_sealed IS NOT NULL)", name="sealed"
        ),
        Index(
            "uq_identity_key_state",
            "state",
            unique=True,
            postgresql_where=text("state <> 'retiring'"),
        ),
    )

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    public_jwk: Mapped[dict[str, object]] = mapped_column(JSONB)
    private_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    activated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    retiring_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
