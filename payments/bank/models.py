"""Tables of bank accounts, hand-overs to the bank and its answers (ledger contract 4.2)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
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
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base

_metadata = Base.metadata

bank_account = Table(
    "bank_account",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sort_code", Text, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("service_user_number", Text, nullable=False, server_default=""),
    Column("currency", Text, nullable=False, server_default="GBP"),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    UniqueConstraint("body", "code", name="uq_bank_account_body_code"),
    UniqueConstraint(
        "sort_code", "account_number", name="uq_bank_account_sort_code_account_number"
    ),
)
# How files of an account reach the bank on each rail; without a row by the rail's defaults.
bank_route = Table(
    "bank_route",
    _metadata,
    Column("bank_account_id", Uuid, ForeignKey(bank_account.c.id), primary_key=True),
    Column("rail", Text, primary_key=True),
    Column("file_format", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("profile", JSONB, nullable=False, server_default=text("'{}'")),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
volume_serial = Table(
    "volume_serial",
    _metadata,
    Column("service_user_number", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)
submission = Table(
    "submission",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("bank_account_id", Uuid, nullable=False),
    Column("service_user_number", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("processing_day", Date, nullable=False),
    Column("payment_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="prepared"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("bank_reference", Text),
    Column("reported_at", DateTime(timezone=True)),
    Column("reported_processing_day", Date),
    Column("accepted_count", Integer),
    Column("accepted_pence", BigInteger),
    Column("rejected_count", Integer),
    Column("rejected_pence", BigInteger),
    Column("settled_on", Date),
    Column("settled_pence", BigInteger),
    Column("rail", Text, nullable=False, server_default="bacs"),
    Column("file_format", Text, nullable=False, server_default="standard18"),
    Column("channel", Text, nullable=False, server_default="https"),
    Column("profile", JSONB, nullable=False, server_default=text("'{}'")),
    # The stage that writes the file in parts; none where it was written at once.
    Column("stage_id", Uuid),
    # Control totals beside those of the file (ledger contract 4.2).
    Column("approved_count", Integer),
    Column("approved_pence", BigInteger),
    Column("recalled_count", Integer),
    Column("recalled_pence", BigInteger),
    Column("acknowledged_count", Integer),
    Column("acknowledged_pence", BigInteger),
    UniqueConstraint(
        "service_user_number", "serial", name="uq_submission_service_user_number_serial"
    ),
    ForeignKeyConstraint(
        ["bank_account_id"], ["payments.bank_account.id"], name="fk_submission_bank_account_id"
    ),
    Index(
        "uq_submission_run_id", "run_id", unique=True, postgresql_where=text("state <> 'refused'")
    ),
    Index("ix_submission_body_id", "body", "id"),
    Index(
        "ix_submission_awaited",
        "body",
        "bank_account_id",
        postgresql_where=text("state IN ('acknowledged','reported')"),
    ),
)
submission_item = Table(
    "submission_item",
    _metadata,
    Column("submission_id", Uuid, primary_key=True),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    Column("payment_id", Uuid, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("account_hash", LargeBinary, nullable=False),
    Column("reference", Text, nullable=False),
    Column("reference_key", Text, nullable=False),
    Column("end_to_end_id", Text, nullable=False, server_default=""),
    UniqueConstraint(
        "submission_id", "payment_id", name="uq_submission_item_submission_id_payment_id"
    ),
    ForeignKeyConstraint(
        ["submission_id"], ["payments.submission.id"], name="fk_submission_item_submission_id"
    ),
    Index("ix_submission_item_payment_id", "payment_id"),
    Index("ix_submission_item_account_hash_amount_pence", "account_hash", "amount_pence"),
    Index("ix_submission_item_reference_key_amount_pence", "reference_key", "amount_pence"),
    Index(
        "ix_submission_item_end_to_end_id",
        "end_to_end_id",
        postgresql_where=text("end_to_end_id <> ''"),
    ),
)
# The bytes of a submission, sealed, in order of their numbers; every attempt sends the same.
submission_part = Table(
    "submission_part",
    _metadata,
    Column("submission_id", Uuid, ForeignKey(submission.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_line", Integer, nullable=False),
    Column("payment_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("first_payment_id", Uuid),
    Column("last_payment_id", Uuid),
    Column("content_sealed", LargeBinary),
    Column("content_bytes", BigInteger),
    Column("content_sha256", LargeBinary),
    Column("changed_texts", Integer, nullable=False, server_default=text("0")),
)
attempt = Table(
    "attempt",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("submission_id", Uuid, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("content_sha256", LargeBinary),
    Column("content_bytes", BigInteger),
    Column("payment_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("sealed_at", DateTime(timezone=True)),
    Column("sending_at", DateTime(timezone=True)),
    Column("decided_at", DateTime(timezone=True)),
    Column("bank_reference", Text),
    Column("refusal_code", Text),
    Column("refusal_reason", Text),
    UniqueConstraint("submission_id", "number", name="uq_attempt_submission_id_number"),
    ForeignKeyConstraint(
        ["submission_id"], ["payments.submission.id"], name="fk_attempt_submission_id"
    ),
    Index(
        "uq_attempt_open",
        "submission_id",
        unique=True,
        postgresql_where=text("state IN ('prepared','sealed','sending','unknown','acknowledged')"),
    ),
)
attempt_verdict = Table(
    "attempt_verdict",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("attempt_id", Uuid, ForeignKey(attempt.c.id), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("bank_reference", Text, nullable=False),
    Column("proposed_by_id", Text, nullable=False),
    Column("proposed_by_name", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("state", Text, nullable=False, server_default="proposed"),
    Index(
        "uq_attempt_verdict_open",
        "attempt_id",
        unique=True,
        postgresql_where=text("state IN ('proposed','confirmed')"),
    ),
)
bank_report = Table(
    "bank_report",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("bank_report_id", Text, nullable=False),
    Column("body", Text),
    Column("kind", Text, nullable=False),
    Column("submission_id", Uuid),
    Column("content_sealed", LargeBinary, nullable=False),
    Column("content_sha256", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("problem", Text, nullable=False, server_default=""),
    Column("received_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("bank_report_id", name="uq_bank_report_bank_report_id"),
    Index(
        "uq_bank_report_content_sha256",
        "content_sha256",
        unique=True,
        postgresql_where=text("state = 'read'"),
    ),
)
bank_outcome = Table(
    "bank_outcome",
    _metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("batch_id", Uuid, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("submission_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("report_id", Uuid),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("round", SmallInteger, nullable=False, server_default=text("1")),
    # How often it was said, where it can be taken back and said again.
    UniqueConstraint(
        "payment_id",
        "kind",
        "submission_id",
        "round",
        name="uq_bank_outcome_payment_id_kind_submission_id_round",
    ),
    Index("ix_bank_outcome_batch_id", "batch_id"),
    Index("ix_bank_outcome_submission_id_kind", "submission_id", "kind"),
)
