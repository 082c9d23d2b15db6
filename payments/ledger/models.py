"""Tables of the ledger (ledger contract 1.1); the migration's triggers hold their invariants."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from payments.base import Base

_metadata = Base.metadata
_NOW = text("now()")
_ZERO = text("0")
_CODE = Text(collation="C")


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's ``xid8``: the transaction that wrote a row, never reused."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


# Reflection (the drift check) meets the type in the catalogue and must know it.
ischema_names["xid8"] = TransactionId


account = Table(
    "account",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("code", _CODE, nullable=False),
    Column("type", Text, nullable=False),
    Column("normal_side", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("bound", Text, nullable=False, server_default="none"),
    Column("limit_pence", BigInteger, nullable=False, server_default=_ZERO),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("closed_at", DateTime(timezone=True)),
    UniqueConstraint("body", "code"),
)
period = Table(
    "period",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_before", Date, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("closed_by", Text),
    Column("signed_by", Text),
    Column("closed_at", DateTime(timezone=True)),
)
posting_batch = Table(
    "posting_batch",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("xid", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("entries_seen", BigInteger, nullable=False, server_default=_ZERO),
    Column("entries_with_postings", BigInteger, nullable=False, server_default=_ZERO),
    Column("postings_declared", BigInteger, nullable=False, server_default=_ZERO),
    Column("postings_seen", BigInteger, nullable=False, server_default=_ZERO),
)
entry = Table(
    "entry",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("batch_id", Uuid, nullable=False),
    Column("body", Text, nullable=False),
    Column("event_type", _CODE, nullable=False),
    Column("event_id", _CODE, nullable=False),
    Column("rule_version", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("refers_to", Uuid),
    Column("period_id", Uuid, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("xid", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("posting_count", SmallInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    UniqueConstraint("body", "event_type", "event_id", "rule_version", name="uq_entry_event"),
    Index(
        "uq_entry_reversal", "refers_to", unique=True, postgresql_where=text("kind = 'reversal'")
    ),
    Index("ix_entry_pending", "body", "recorded_at", postgresql_where=text("kind = 'pending'")),
)
posting = Table(
    "posting",
    _metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("line_no", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("pending", Boolean, nullable=False, server_default=text("false")),
    Index("ix_posting_account_id_entry_id", "account_id", "entry_id"),
)
pending_resolution = Table(
    "pending_resolution",
    _metadata,
    Column("pending_entry_id", Uuid, primary_key=True),
    Column("resolved_by", Uuid, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("posted_amount", BigInteger, nullable=False),
    Column("resolved_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)
balance = Table(
    "balance",
    _metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("pending_debit", BigInteger, nullable=False, server_default=_ZERO),
    Column("pending_credit", BigInteger, nullable=False, server_default=_ZERO),
    Column("posted_debit", BigInteger, nullable=False, server_default=_ZERO),
    Column("posted_credit", BigInteger, nullable=False, server_default=_ZERO),
    Column("version", BigInteger, nullable=False, server_default=_ZERO),
)
balance_day = Table(
    "balance_day",
    _metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("pending_debit", BigInteger, nullable=False),
    Column("pending_credit", BigInteger, nullable=False),
    Column("posted_debit", BigInteger, nullable=False),
    Column("posted_credit", BigInteger, nullable=False),
)
balance_fold = Table(
    "balance_fold",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("folded_block", BigInteger, nullable=False),
)
