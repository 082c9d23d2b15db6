"""Tables of bodies, programmes, runs and payments."""

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
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
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from payments.bank.models import bank_account
from payments.base import Base
from payments.stages.models import stage

_metadata = Base.metadata
_NOW = text("now()")
_ZERO = text("0")

body = Table(
    "body",
    _metadata,
    Column("organisation", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    # Which steps ask for a fresh sign-in with two factors: those of bands that say so, or all.
    Column("step_up", Text, nullable=False, server_default=text("'bands'")),
)
programme = Table(
    "programme",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bank_account_id", Uuid, ForeignKey(bank_account.c.id), nullable=False),
    Column("approvals_needed", SmallInteger, nullable=False, server_default=text("1")),
    Column("release", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("kind", Text, nullable=False, server_default=text("'people'")),
    Column("rail", Text, nullable=False, server_default=text("'bacs'")),
    Column("gl_code", Text, nullable=False, server_default=text("''")),
    Column("rail_reason", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("organisation", "slug"),
)
run = Table(
    "run",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id), nullable=False),
    Column("reference", Text, nullable=False),
    Column("run_date", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("round", Integer, nullable=False, server_default=_ZERO),
    Column("content_hash", LargeBinary),
    Column("processing_date", Date),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    # How the money travels, and why so when it is not Bacs.
    Column("rail", Text, nullable=False, server_default=text("'bacs'")),
    Column("rail_reason", Text, nullable=False, server_default=text("''")),
    Column("source", Text, nullable=False, server_default=text("'api'")),
    Column("upload_id", Uuid),
    # The day on which the money shall be in the payees' accounts; none means as soon as can be.
    Column("entry_on", Date),
    Column("declared_count", BigInteger),
    Column("declared_pence", BigInteger),
    # The work in the background that has to end before the next step.
    Column("working", Text),
    # What was put forward.
    Column("signed_count", BigInteger),
    Column("signed_pence", BigInteger),
    UniqueConstraint("reference"),
    Index("ix_run_organisation_created_at", "organisation", "created_at"),
    Index(
        "uq_run_collecting",
        "programme_id",
        "run_date",
        unique=True,
        postgresql_where=text("state = 'collecting' AND upload_id IS NULL"),
    ),
    Index(
        "uq_run_upload_id",
        "upload_id",
        unique=True,
        postgresql_where=text("state <> 'cancelled'"),
    ),
)
payment = Table(
    "payment",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("public_id", Text, nullable=False),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("run_id", Uuid, ForeignKey(run.c.id), nullable=False),
    Column("state", Text, nullable=False),
    Column("subject", Text),
    Column("payee_name", Text, nullable=False),
    Column("account_type", Text, nullable=False),
    Column("details_sealed", LargeBinary, nullable=False),
    Column("account_fingerprint", LargeBinary, nullable=False),
    Column("account_tail", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("case_reference", Text),
    Column("check_id", Uuid),
    Column("modulus_result", Text, nullable=False),
    Column("hold_code", Text),
    Column("hold_reason", Text),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("client_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("replaces", Text, ForeignKey("payments.payment.public_id")),
    # The same while the payment lives: no index may depend on the state, which changes often.
    Column(
        "replaced_live",
        Text,
        Computed(
            "CASE WHEN state NOT IN ('cancelled', 'recalled', 'invalid') THEN replaces END",
            persisted=True,
        ),
    ),
    Column("payee_id", Uuid),
    Column("upload_row", Integer),
    Column("gl_code", Text, nullable=False, server_default=text("''")),
    Column("invoice_reference", Text, nullable=False, server_default=text("''")),
    Column("invoice_received_on", Date),
    # What an approval signs of this payment; set when it is put forward.
    Column("content_sha256", LargeBinary),
    # Its state where few payments are in it, so that they are found without an index of states.
    Column(
        "rare_state",
        Text,
        Computed(
            "CASE WHEN state IN ('held', 'returned', 'scheme_rejected', 'recalled', 'invalid',"
            " 'rejected') THEN state END",
            persisted=True,
        ),
    ),
    UniqueConstraint("public_id"),
    UniqueConstraint("organisation", "client_id", "idempotency_key"),
    Index("ix_payment_run_id", "run_id", "id"),
    Index(
        "uq_payment_replaces",
        "replaced_live",
        unique=True,
        postgresql_where=text("replaced_live IS NOT NULL"),
    ),
    Index("ix_payment_organisation_id", "organisation", "id"),
    Index("ix_payment_payee_id", "payee_id", "id", postgresql_where=text("payee_id IS NOT NULL")),
    Index(
        "ix_payment_invoice",
        "invoice_reference",
        "organisation",
        postgresql_where=text("invoice_reference <> ''"),
    ),
    Index("ix_payment_account_fingerprint", "account_fingerprint"),
    Index(
        "ix_payment_invoice_received",
        "run_id",
        "invoice_received_on",
        postgresql_where=text("invoice_received_on IS NOT NULL"),
    ),
    Index("ix_payment_amount", "organisation", "amount_pence"),
    Index("ix_payment_account_tail", "organisation", "account_tail"),
    Index(
        "ix_payment_rare",
        "organisation",
        "id",
        postgresql_where=text("rare_state IS NOT NULL"),
    ),
    Index(
        "ix_payment_words",
        literal_column(
            "(payee_name || ' ' || reference || ' ' || coalesce(case_reference, ''))", Text
        ).label("words"),
        postgresql_using="gin",
        postgresql_ops={"words": "gin_trgm_ops"},
    ),
)
# Count and sum by state, kept by triggers of the payment table; the sum over the slots counts.
run_total = Table(
    "run_total",
    _metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("payments", BigInteger, nullable=False),
    Column("pence", BigInteger, nullable=False),
    Index("ix_run_total_organisation_state", "organisation", "state"),
)
# The payments that each shard of a stage is about.
run_part = Table(
    "run_part",
    _metadata,
    Column("stage_id", Uuid, ForeignKey(stage.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first_id", Uuid, nullable=False),
    Column("last_id", Uuid, nullable=False),
)
run_approval = Table(
    "run_approval",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("run_id", Uuid, ForeignKey(run.c.id), nullable=False),
    Column("round", Integer, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("approved_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("run_id", "round", "person_id"),
)
# What happened to a run, and to one payment where that is named; nothing of it is ever changed.
run_event = Table(
    "run_event",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("run_id", Uuid, ForeignKey(run.c.id), nullable=False),
    Column("payment_id", Uuid, ForeignKey(payment.c.id)),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Index("ix_run_event_run_id", "run_id", "id"),
    Index("ix_run_event_payment_id", "payment_id", "id"),
    Index(
        "ix_run_event_shaping",
        "organisation",
        "payment_id",
        postgresql_where=text(
            "payment_id IS NOT NULL AND kind IN ('edited', 'removed', 'hold_released')"
        ),
    ),
)
