"""A body's own OpenID Provider, its domains, sign-ins on their way, and linked accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Upstream(Base):
    """Where the staff of a body sign in; our secret or private key there is sealed.

    Attributes:
        medium_values: values of ``acr`` or ``amr`` that show two factors (GPG 44 medium).
        enforced: staff count as this body's only when they came this way.
    """

    __tablename__ = "upstream"
    __table_args__ = (
        CheckConstraint("shape IN ('entra', 'google', 'plain')", name="shape"),
        CheckConstraint(
            "auth_method IN ('private_key_jwt', 'client_secret_post', 'client_secret_basic')",
            name="auth_method",
        ),
    )

    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"), primary_key=True)
    shape: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    auth_method: Mapped[str] = mapped_column(Text)
    credential_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    tenant: Mapped[str] = mapped_column(Text)
    medium_values: Mapped[list[str]] = mapped_column(ARRAY(Text))
    enabled: Mapped[bool] = mapped_column(Boolean)
    enforced: Mapped[bool] = mapped_column(Boolean)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StaffDomain(Base):
    """A domain of e-mail addresses that a body says is its own; counts when confirmed."""

    __tablename__ = "staff_domain"
    __table_args__ = (
        Index(
            "uq_staff_domain_confirmed",
            "domain",
            unique=True,
            postgresql_where=text("confirmed_at IS NOT NULL"),
        ),
    )

    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"), primary_key=True)
    domain: Mapped[str] = mapped_column(Text, primary_key=True)
    challenge: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    confirmed_by: Mapped[str | None] = mapped_column(Text)


class UpstreamAttempt(Base):
    """A sign-in that is on its way at a body's provider; used once."""

    __tablename__ = "upstream_attempt"
    __table_args__ = (Index("ix_upstream_attempt_expires_at", "expires_at"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    organisation: Mapped[str] = mapped_column(
        ForeignKey("upstream.organisation", ondelete="CASCADE")
    )
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    secrets_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    flow_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class UpstreamLink(Base):
    """The account behind an issuer's subject; nothing but this pair identifies a person."""

    __tablename__ = "upstream_link"
    __table_args__ = (Index("ix_upstream_link_account_id", "account_id"),)

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UpstreamSession(Base):
    """A sign-in by a body's provider; counts while the session's newest sign-in is this one."""

    __tablename__ = "upstream_session"

    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("sign_in_session.id", ondelete="CASCADE"), primary_key=True
    )
    organisation: Mapped[str] = mapped_column(ForeignKey("organisation.slug"))
    authenticated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
