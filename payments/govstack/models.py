"""Tables of the GovStack doors: who may call, beneficiaries, batches of orders, callbacks."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base
from payments.runs.models import payment, run

_metadata = Base.metadata
_EMPTY = text("''")

building_block = Table(
    "govstack_building_block",
    _metadata,
    Column("organisation", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("registered_at", DateTime(timezone=True), nullable=False),
)
# Changes are versions; the highest one counts.
beneficiary = Table(
    "govstack_beneficiary",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("functional_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("modality", Text, nullable=False),
    Column("address_sealed", LargeBinary),
    Column("address_tail", Text, nullable=False),
    Column("institution", Text, nullable=False, server_default=_EMPTY),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    UniqueConstraint(
        "organisation",
        "functional_id",
        "version",
        name="uq_govstack_beneficiary_organisation_functional_id_version",
    ),
)
batch = Table(
    "govstack_batch",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("shape", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_rehearsal", Boolean, nullable=False, server_default=text("false")),
    Column("instruction_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("run_id", Uuid, ForeignKey(run.c.id)),
    Column("callback_url", Text, nullable=False, server_default=_EMPTY),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    # One order is paid once; rehearsals and questions may be repeated.
    Index(
        "uq_govstack_batch_request",
        "organisation",
        "kind",
        "source",
        "request_id",
        unique=True,
        postgresql_where=text("NOT is_rehearsal AND kind = 'payment'"),
    ),
    Index("ix_govstack_batch_batch_id", "organisation", "batch_id", "id"),
)
instruction = Table(
    "govstack_instruction",
    _metadata,
    Column("batch_id", Uuid, ForeignKey(batch.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("instruction_id", Text, nullable=False),
    Column("functional_id", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("narration", Text, nullable=False),
    Column("address_sealed", LargeBinary),
    Column("failure", Text, nullable=False, server_default=_EMPTY),
    Column("payment_id", Uuid, ForeignKey(payment.c.id)),
)
callback = Table(
    "govstack_callback",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("correlation_header", Text, nullable=False, server_default=_EMPTY),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_answer", Text, nullable=False, server_default=_EMPTY),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Index("ix_govstack_callback_organisation", "organisation", "id"),
)
