"""Tables of name checks by the file."""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from payments.base import Base

_metadata = Base.metadata
_INSTANT = DateTime(timezone=True)

name_batch = Table(
    "name_batch",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # Lanes before this one take no more rows: they are of the time before the file was stopped.
    Column("first_lane", SmallInteger, nullable=False, server_default=text("0")),
    Column("created_by_kind", Text, nullable=False),
    Column("created_by_id", Text, nullable=False),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Column("finished_at", _INSTANT),
    Column("correlation_id", Text, nullable=False),
    Index("ix_name_batch_organisation", "organisation", "id"),
)
# The rows as they came, sealed some hundreds at a time.
name_batch_part = Table(
    "name_batch_part",
    _metadata,
    Column("batch_id", Uuid, ForeignKey(name_batch.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
name_batch_row = Table(
    "name_batch_row",
    _metadata,
    Column("batch_id", Uuid, ForeignKey(name_batch.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("payee_fingerprint", LargeBinary),
    Column("account_fingerprint", LargeBinary),
    Column("same_as", Integer),
    Column("lane", SmallInteger),
    Column("tries", SmallInteger, nullable=False, server_default=text("0")),
    Column("check_id", Uuid),
    Column("outcome", Text),
    Column("reason_code", Text),
    Column("modulus_result", Text),
    Column("fault", Text, nullable=False, server_default=text("''")),
    Index(
        "ix_name_batch_row_waiting",
        "batch_id",
        "tries",
        "number",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_name_batch_row_asking", "batch_id", "lane", postgresql_where=text("state = 'asking'")
    ),
    Index(
        "ix_name_batch_row_same_as",
        "batch_id",
        "same_as",
        postgresql_where=text("same_as IS NOT NULL"),
    ),
    Index("ix_name_batch_row_outcome", "batch_id", "outcome", "number"),
)
name_batch_count = Table(
    "name_batch_count",
    _metadata,
    Column("batch_id", Uuid, ForeignKey(name_batch.c.id), primary_key=True),
    Column("lane", SmallInteger, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("reason_code", Text, primary_key=True),
    Column("rows", Integer, nullable=False),
)
name_pace = Table(
    "name_pace",
    _metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("next_at", _INSTANT, nullable=False),
)
