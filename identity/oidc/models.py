"""Flows, authorisations and what is issued from them; codes and tokens only as hashes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class Flow(Base):
    """One sign-in on its way: what a client asked for and which steps the person has done."""

    __tablename__ = "flow"
    __table_args__ = (Index("ix_flow_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    client_id: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text)
    request: Mapped[dict[str, object]] = mapped_column(JSONB)
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    session_id: Mapped[UUID | None] = mapped_column(Uuid)
    signed_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    consented_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    level_waived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    shared_scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    error: Mapped[str | None] = mapped_column(Text)
    error_description: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Authorisation(Base):
    """One answer to a client: its code, and the family of tokens that came of it."""

    __tablename__ = "authorisation"
    __table_args__ = (
        UniqueConstraint("code_hash"),
        Index("ix_authorisation_expires_at", "expires_at"),
        Index("ix_authorisation_session_id", "session_id"),
        Index(
            "uq_authorisation_access_token_hash",
            "access_token_hash",
            unique=True,
            postgresql_where=text("access_token_hash IS NOT NULL"),
        ),
        Index("ix_authorisation_apart", "account_id", postgresql_where=text("session_id = id")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    client_id: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID] = mapped_column(Uuid)
    session_id: Mapped[UUID] = mapped_column(Uuid)
    flow_id: Mapped[UUID] = mapped_column(Uuid)
    subject: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    shared_scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    nonce: Mapped[str | None] = mapped_column(Text)
    redirect_uri: Mapped[str | None] = mapped_column(Text)
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    code_challenge: Mapped[str | None] = mapped_column(Text)
    code_expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    code_consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    authenticated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    methods: Mapped[list[str]] = mapped_column(ARRAY(Text))
    level: Mapped[str] = mapped_column(Text)
    asked: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    confirmation: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    access_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_token_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RefreshToken(Base):
    """A refresh token; each is used once and followed by the next of its family."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index("ix_refresh_token_authorisation_id", "authorisation_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    authorisation_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("identity.authorisation.id", ondelete="CASCADE")
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class UsedAssertion(Base):
    """The `jti` of a client assertion that was presented, kept while it could be replayed."""

    __tablename__ = "used_assertion"
    __table_args__ = (Index("ix_used_assertion_expires_at", "expires_at"),)

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PushedRequest(Base):
    """An authorization request that was sent ahead (RFC 9126); its parameters are sealed.

    ``valid_until`` is when it can no longer be begun with, ``expires_at`` when the row is deleted:
    as late as the flow that began with it.
    """

    __tablename__ = "pushed_request"
    __table_args__ = (Index("ix_pushed_request_expires_at", "expires_at"),)

    request_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    client_id: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text)
    request_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    consumed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class UsedProof(Base):
    """The `jti` of a DPoP proof with the key that signed it, kept while it could be replayed."""

    __tablename__ = "used_proof"
    __table_args__ = (Index("ix_used_proof_expires_at", "expires_at"),)

    proof_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RevokedAccessToken(Base):
    """An access token that was revoked by itself, kept until it would have expired."""

    __tablename__ = "revoked_access_token"
    __table_args__ = (Index("ix_revoked_access_token_expires_at", "expires_at"),)

    jti: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RememberedConsent(Base):
    """What a person agreed to show a client, and declined to; gone when they withdraw it.

    ``scopes`` and ``declined`` are remembered and not asked again; ``attributes`` were shared the
    last time and are asked each time.
    """

    __tablename__ = "remembered_consent"

    account_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    declined: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    attributes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
