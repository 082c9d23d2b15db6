"""The table of relying parties and service accounts."""

from datetime import datetime

from sqlalchemy import ARRAY, Boolean, CheckConstraint, DateTime, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class RelyingPartyRow(Base):
    """One client: who it is, how it proves that, and what it may ask for."""

    __tablename__ = "relying_party"
    __table_args__ = (
        CheckConstraint(
            "(auth_method LIKE 'client_secret_%') = (secret_hash IS NOT NULL)", name="secret"
        ),
        CheckConstraint("subject_type IN ('pairwise', 'public')", name="subject_type"),
        CheckConstraint("pkce IN ('required', 'exempt')", name="pkce"),
        Index("ix_relying_party_organisation", "organisation"),
    )

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text)
    first_party: Mapped[bool] = mapped_column(Boolean)
    auth_method: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    jwks: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    post_logout_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    backchannel_logout_uri: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    grant_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    subject_type: Mapped[str] = mapped_column(Text)
    sector: Mapped[str] = mapped_column(Text)
    pkce: Mapped[str] = mapped_column(Text)
    landing_page: Mapped[str] = mapped_column(Text)
    id_token_alg: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    first_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
