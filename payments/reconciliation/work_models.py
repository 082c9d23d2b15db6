"""Tables of what could be expected at the bank, of rules, and of work that people do."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base
from payments.reconciliation import models as _models

_metadata = Base.metadata
_BANK_ACCOUNT = "payments.bank_account.id"
_LINE = _models.statement_line.c.id
_STATEMENT = _models.statement.c.id
_EMPTY = ""


def _moment(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


expected_item = Table(
    "expected_item",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("target_type", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("bank_account_id", Uuid, ForeignKey(_BANK_ACCOUNT), nullable=False),
    Column("run_id", Uuid),
    Column("submission_id", Uuid),
    # Signed as the bank's line will be: money in is positive.
    Column("amount_pence", BigInteger, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("end_to_end_id", Text, nullable=False, server_default=_EMPTY),
    Column("uetr", Text, nullable=False, server_default=_EMPTY),
    Column("group_key", Text, nullable=False, server_default=_EMPTY),
    Column("reference", Text, nullable=False, server_default=_EMPTY),
    Column("reference_key", Text, nullable=False, server_default=_EMPTY),
    Column("account_hash", LargeBinary),
    Column("label", Text, nullable=False, server_default=_EMPTY),
    # The ledger account that the bank's money comes from or goes to.
    Column("ledger_account", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_expected_item_amount", "bank_account_id", "amount_pence", "due_on"),
    Index(
        "ix_expected_item_end_to_end_id",
        "bank_account_id",
        "end_to_end_id",
        postgresql_where=text("end_to_end_id <> ''"),
    ),
    Index("ix_expected_item_uetr", "bank_account_id", "uetr", postgresql_where=text("uetr <> ''")),
    Index(
        "ix_expected_item_reference_key",
        "bank_account_id",
        "reference_key",
        postgresql_where=text("reference_key <> ''"),
    ),
    Index(
        "ix_expected_item_group_key",
        "bank_account_id",
        "group_key",
        postgresql_where=text("group_key <> ''"),
    ),
    Index(
        "ix_expected_item_submission_id",
        "submission_id",
        postgresql_where=text("submission_id IS NOT NULL"),
    ),
)
matching_rules = Table(
    "matching_rules",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("bank_account_id", Uuid, ForeignKey(_BANK_ACCOUNT), nullable=False),
    Column("version", Integer, nullable=False),
    Column("pattern", Text, nullable=False, server_default=_EMPTY),
    Column("window_days", Integer, nullable=False),
    Column("return_days", Integer, nullable=False),
    Column("commit_by_amount", Boolean, nullable=False),
    Column("state", Text, nullable=False, server_default="draft"),
    Column("trial", JSONB),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_name", Text, nullable=False),
    _moment("proposed_at", nullable=False),
    Column("decided_by", Text),
    Column("decided_name", Text),
    _moment("decided_at"),
    UniqueConstraint("bank_account_id", "version", name="uq_matching_rules_version"),
    Index(
        "uq_matching_rules_active",
        "bank_account_id",
        unique=True,
        postgresql_where=text("state = 'active'"),
    ),
    Index(
        "uq_matching_rules_draft",
        "bank_account_id",
        unique=True,
        postgresql_where=text("state = 'draft'"),
    ),
)
reconciliation_proposal = Table(
    "reconciliation_proposal",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("bank_account_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("line_id", Uuid, ForeignKey(_LINE)),
    Column("statement_id", Uuid, ForeignKey(_STATEMENT)),
    Column("account_code", Text),
    Column("amount_pence", BigInteger),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_name", Text, nullable=False),
    _moment("proposed_at", nullable=False),
    Column("decided_by", Text),
    Column("decided_name", Text),
    _moment("decided_at"),
    Index(
        "uq_reconciliation_proposal_statement",
        "statement_id",
        unique=True,
        postgresql_where=text("state = 'open' AND statement_id IS NOT NULL"),
    ),
    Index("ix_reconciliation_proposal_line_id", "line_id"),
    Index(
        "ix_reconciliation_proposal_open",
        "body",
        "proposed_at",
        postgresql_where=text("state = 'open'"),
    ),
)
exception_note = Table(
    "exception_note",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("exception_id", Uuid, ForeignKey(_models.reconciliation_exception.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("person_name", Text, nullable=False),
    _moment("at", nullable=False),
    Index("ix_exception_note_exception_id", "exception_id", "id"),
)
reconciliation_setting = Table(
    "reconciliation_setting",
    _metadata,
    Column("body", Text, primary_key=True),
    Column("unmatched_days", SmallInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_name", Text, nullable=False),
    _moment("changed_at", nullable=False),
)
statement_fetch = Table(
    "statement_fetch",
    _metadata,
    Column("bank_account_id", Uuid, ForeignKey(_BANK_ACCOUNT), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("problem", Text, nullable=False, server_default=_EMPTY),
    Column("content_sha256", LargeBinary),
    Column("file_id", Uuid),
    _moment("tried_at", nullable=False),
)
csv_mapping = Table(
    "csv_mapping",
    _metadata,
    Column("bank_account_id", Uuid, ForeignKey(_BANK_ACCOUNT), primary_key=True),
    Column("body", Text, nullable=False),
    Column("mapping", JSONB, nullable=False),
    Column("saved_by", Text, nullable=False),
    Column("saved_name", Text, nullable=False),
    _moment("saved_at", nullable=False),
)
reconciliation_sign_off = Table(
    "reconciliation_sign_off",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("bank_account_id", Uuid, ForeignKey(_BANK_ACCOUNT), nullable=False),
    Column("day", Date, nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, server_default="prepared"),
    Column("prepared_by", Text, nullable=False),
    Column("prepared_name", Text, nullable=False),
    _moment("prepared_at", nullable=False),
    Column("signed_by", Text),
    Column("signed_name", Text),
    _moment("signed_at"),
    Index(
        "uq_reconciliation_sign_off_day",
        "bank_account_id",
        "day",
        unique=True,
        postgresql_where=text("state <> 'replaced'"),
    ),
)
