"""Tables of journals that people write; the migration's triggers hold what they promise."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
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

from payments.base import Base

_metadata = Base.metadata
_EMPTY = text("''")

journal = Table(
    "journal",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("form_key", Uuid, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("effective_on", Date, nullable=False),
    Column("description", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reverses", Uuid, ForeignKey("journal.id")),
    Column("line_count", SmallInteger, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("content_sha256", LargeBinary, nullable=False),
    Column("entry_id", Uuid),
    Column("made_by_id", Text, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", Text, nullable=False, server_default=_EMPTY),
    UniqueConstraint("body", "number"),
    UniqueConstraint("body", "form_key"),
    Index(
        "uq_journal_reverses",
        "reverses",
        unique=True,
        postgresql_where=text("reverses IS NOT NULL AND state IN ('waiting', 'posted')"),
    ),
    Index("ix_journal_state", "body", "state", "number"),
)
journal_line = Table(
    "journal_line",
    _metadata,
    Column("journal_id", Uuid, ForeignKey(journal.c.id), primary_key=True),
    Column("line_no", SmallInteger, primary_key=True, autoincrement=False),
    Column("account", Text(collation="C"), nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("note", Text, nullable=False, server_default=_EMPTY),
)
