"""Tables of vouchers: groups and their money, merchants, batches, vouchers, settlements."""

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
from payments.runs.models import programme

_metadata = Base.metadata
_ZERO = text("0")
_EMPTY = text("''")
_FALSE = text("false")

# What a group's vouchers are paid from; `committed` is what its living vouchers are worth.
voucher_group = Table(
    "voucher_group",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id), nullable=False),
    Column("funds_pence", BigInteger, nullable=False, server_default=_ZERO),
    Column("committed_pence", BigInteger, nullable=False, server_default=_ZERO),
    Column("days_valid", Integer, nullable=False, server_default=text("90")),
    # Vouchers of a rehearsal never touch the ledger and never become a payment.
    Column("is_rehearsal", Boolean, nullable=False, server_default=_FALSE),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("organisation", "name", name="uq_voucher_group_organisation_name"),
)
voucher_funding = Table(
    "voucher_funding",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("group_id", Uuid, ForeignKey(voucher_group.c.id), nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_by_name", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Index("ix_voucher_funding_group_id", "group_id", "id"),
)
merchant = Table(
    "merchant",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("group_id", Uuid, ForeignKey(voucher_group.c.id), nullable=False),
    Column("name", Text, nullable=False),
    Column("bank_label", Text, nullable=False),
    Column("details_sealed", LargeBinary),
    Column("account_fingerprint", LargeBinary),
    Column("account_tail", Text, nullable=False, server_default=_EMPTY),
    Column("account_type", Text, nullable=False, server_default=text("'business'")),
    Column("can_be_credited", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint(
        "organisation", "name", "group_id", name="uq_merchant_organisation_name_group_id"
    ),
)
voucher_batch = Table(
    "voucher_batch",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("group_id", Uuid, ForeignKey(voucher_group.c.id), nullable=False),
    Column("reference", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("voucher_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("content_sha256", LargeBinary, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_by_name", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    UniqueConstraint("reference"),
    Index("ix_voucher_batch_organisation", "organisation", "id"),
)
voucher_batch_signature = Table(
    "voucher_batch_signature",
    _metadata,
    Column("batch_id", Uuid, ForeignKey(voucher_batch.c.id), primary_key=True),
    Column("person_id", Text, primary_key=True),
    Column("person_name", Text, nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
)
voucher_settlement = Table(
    "voucher_settlement",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("merchant_id", Uuid, ForeignKey(merchant.c.id), nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id), nullable=False),
    Column("reference", Text, nullable=False),
    Column("voucher_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("payment_id", Text),
    Column("state", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("reference"),
    Index(
        "ix_voucher_settlement_ordered",
        "organisation",
        "id",
        postgresql_where=text("state = 'ordered'"),
    ),
)
voucher = Table(
    "voucher",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("group_id", Uuid, ForeignKey(voucher_group.c.id), nullable=False),
    Column("batch_id", Uuid, ForeignKey(voucher_batch.c.id)),
    Column("kind", Text, nullable=False, server_default=text("'voucher'")),
    Column("serial", Text, nullable=False),
    # The secret number itself is only sealed: whoever reads the table can redeem nothing.
    Column("number_hash", LargeBinary, nullable=False),
    Column("number_sealed", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, server_default=text("'GBP'")),
    Column("is_rehearsal", Boolean, nullable=False, server_default=_FALSE),
    Column("building_block", Text, nullable=False, server_default=_EMPTY),
    Column("remark", Text, nullable=False, server_default=_EMPTY),
    Column("recipient_sealed", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # Whether the ledger owes for it: from its activation until it is used, expires or ends.
    Column("is_issued", Boolean, nullable=False, server_default=_FALSE),
    Column("merchant_id", Uuid, ForeignKey(merchant.c.id)),
    Column("used_at", DateTime(timezone=True)),
    Column("settlement_id", Uuid, ForeignKey(voucher_settlement.c.id)),
    Column("replaces", Uuid, ForeignKey("payments.voucher.id")),
    Column("prints", Integer, nullable=False, server_default=_ZERO),
    Column("correlation_id", Text, nullable=False),
    UniqueConstraint("serial"),
    UniqueConstraint("number_hash"),
    Index("ix_voucher_organisation", "organisation", "id"),
    Index("ix_voucher_batch_id", "batch_id", "id", postgresql_where=text("batch_id IS NOT NULL")),
    Index(
        "ix_voucher_due",
        "expires_at",
        postgresql_where=text("state IN ('pre_activated', 'activated', 'suspended')"),
    ),
    Index(
        "ix_voucher_unsettled",
        "organisation",
        "merchant_id",
        postgresql_where=text("state = 'used' AND settlement_id IS NULL AND NOT is_rehearsal"),
    ),
    Index(
        "uq_voucher_replaces",
        "replaces",
        unique=True,
        postgresql_where=text("replaces IS NOT NULL"),
    ),
)
voucher_event = Table(
    "voucher_event",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("voucher_id", Uuid, ForeignKey(voucher.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Index("ix_voucher_event_voucher_id", "voucher_id", "id"),
)
