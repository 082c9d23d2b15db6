"""Tables of the tamper-evident log."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
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

from payments.base import Base
from payments.ledger.models import TransactionId, entry

_metadata = Base.metadata

Index("ix_entry_xid", entry.c.xid)
seal_watermark = Table(
    "seal_watermark",
    _metadata,
    Column("kind", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("sealed_below", TransactionId, nullable=False),
)
seal_block = Table(
    "seal_block",
    _metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("body", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("body", "kind", "height"),
)
entry_block = Table(
    "entry_block",
    _metadata,
    Column("block_id", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("cluster", Text),
    Column("from_xid", BigInteger, nullable=False),
    Column("below_xid", BigInteger, nullable=False, index=True),
    Column("entry_ids", ARRAY(Uuid), nullable=False),
    Column("leaves", LargeBinary, nullable=False),
)
control_seal = Table(
    "control_seal",
    _metadata,
    Column("block_id", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf_index", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False),
    Column("salt", LargeBinary),
    Column("commitment", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("event_id"),
)
control_queue = Table(
    "control_queue",
    _metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("xid", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
)
seal_checkpoint = Table(
    "seal_checkpoint",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("delivered_at", DateTime(timezone=True)),
    UniqueConstraint("body", "kind", "size"),
)
