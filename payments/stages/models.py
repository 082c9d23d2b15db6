"""Tables of stages and their shards."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from payments.base import Base

_metadata = Base.metadata
_ZERO = text("0")

stage = Table(
    "stage",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("finish_topic", Text, nullable=False),
    Column("shards", Integer, nullable=False),
    Column("items", BigInteger, nullable=False),
    Column("shards_done", Integer, nullable=False, server_default=_ZERO),
    Column("items_done", BigInteger, nullable=False, server_default=_ZERO),
    Column("pence_done", BigInteger, nullable=False, server_default=_ZERO),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Index("ix_stage_subject_id", "subject_id", "begun_at"),
)
stage_shard = Table(
    "stage_shard",
    _metadata,
    Column("stage_id", Uuid, ForeignKey(stage.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("items", BigInteger),
    Column("pence", BigInteger),
    Column("done_at", DateTime(timezone=True)),
)
