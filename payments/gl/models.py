"""Tables of journals and of closed months."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base
from payments.ledger.models import period

_metadata = Base.metadata
_EMPTY = text("''")

period_close = Table(
    "period_close",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("period_id", Uuid, ForeignKey(period.c.id), nullable=False),
    Column("state", Text, nullable=False),
    Column("proof", JSONB, nullable=False),
    Column("proof_sha256", LargeBinary, nullable=False),
    Column("asked_by_id", Text, nullable=False),
    Column("asked_by_name", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Index(
        "uq_period_close_asked",
        "period_id",
        unique=True,
        postgresql_where=text("state <> 'withdrawn'"),
    ),
)
gl_setting = Table(
    "gl_setting",
    _metadata,
    Column("body", Text, primary_key=True),
    Column("template", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("code_separator", Text, nullable=False),
    Column("code_segments", JSONB, nullable=False),
    Column("constants", JSONB, nullable=False),
    Column("account_codes", JSONB, nullable=False),
    Column("vat", JSONB, nullable=False, server_default=text("'{}'")),
    Column("changed_by_id", Text, nullable=False),
    Column("changed_by_name", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
gl_export = Table(
    "gl_export",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("lines", BigInteger),
    Column("debit_pence", BigInteger),
    Column("credit_pence", BigInteger),
    Column("content_sha256", LargeBinary),
    Column("made_by_id", Text, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("ready_at", DateTime(timezone=True)),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by_id", Text),
    Column("acknowledged_by_name", Text),
    Column("acknowledgement", Text, nullable=False, server_default=_EMPTY),
    UniqueConstraint("body", "number"),
)
