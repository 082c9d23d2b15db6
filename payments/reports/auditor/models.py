"""Tables of auditors' packs; a pack's bytes are sealed in parts and removed after a time."""

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
    Uuid,
    text,
)

from payments.base import Base

_metadata = Base.metadata
_EMPTY = text("''")
_ZERO = text("0")

audit_pack = Table(
    "audit_pack",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("step", Text, nullable=False, server_default=_EMPTY),
    Column("steps_done", Integer, nullable=False, server_default=_ZERO),
    Column("steps", Integer, nullable=False, server_default=_ZERO),
    Column("attempt", Integer, nullable=False, server_default=_ZERO),
    Column("bytes", BigInteger),
    Column("sha256", LargeBinary),
    Column("manifest_sha256", LargeBinary),
    Column("problem", Text, nullable=False, server_default=_EMPTY),
    Column("asked_by_id", Text, nullable=False),
    Column("asked_by_name", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("ready_at", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    Index("ix_audit_pack_body", "body", "id"),
    Index(
        "uq_audit_pack_waiting",
        "body",
        "first_day",
        "last_day",
        unique=True,
        postgresql_where=text("state = 'waiting'"),
    ),
)
audit_pack_part = Table(
    "audit_pack_part",
    _metadata,
    Column("pack_id", Uuid, ForeignKey(audit_pack.c.id), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)
