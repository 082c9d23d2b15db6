"""Tables of sanctions screening: the list, what was compared, cases and what cleared them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base

_metadata = Base.metadata

sanctions_list = Table(
    "sanctions_list",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("listed_on", Date, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("source", Text, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("names", Integer, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("loaded_by", Text, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False),
    Column("superseded_at", DateTime(timezone=True)),
    Index(
        "uq_sanctions_list_current",
        text("(superseded_at IS NULL)"),
        unique=True,
        postgresql_where=text("superseded_at IS NULL"),
    ),
)
sanctions_name = Table(
    "sanctions_name",
    _metadata,
    Column("list_id", Uuid, ForeignKey("payments.sanctions_list.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("entry_sha256", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name_type", Text, nullable=False),
)
screening = Table(
    "screening",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("list_id", Uuid, ForeignKey("payments.sanctions_list.id"), nullable=False),
    Column("names", BigInteger, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_screening_subject_id", "subject_id"),
)
screening_case = Table(
    "screening_case",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("upload_id", Uuid),
    Column("payee_name", Text, nullable=False),
    Column("subject_sha256", LargeBinary, nullable=False),
    Column("list_id", Uuid, ForeignKey("payments.sanctions_list.id"), nullable=False),
    Column("matches", JSONB, nullable=False),
    Column("next_hold_code", Text),
    Column("next_hold_reason", Text),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("reason", Text),
    UniqueConstraint("payment_id", "list_id"),
    Index("ix_screening_case_organisation", "organisation", "state", "id"),
    Index("ix_screening_case_upload_id", "upload_id"),
)
screening_clearance = Table(
    "screening_clearance",
    _metadata,
    Column("organisation", Text, primary_key=True),
    Column("subject_sha256", LargeBinary, primary_key=True),
    Column("entry_id", Text, primary_key=True),
    Column("entry_sha256", LargeBinary, primary_key=True),
    Column("case_id", Uuid, ForeignKey("payments.screening_case.id"), nullable=False),
    Column("cleared_at", DateTime(timezone=True), nullable=False),
)
