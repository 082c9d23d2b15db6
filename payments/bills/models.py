"""Tables of bills, what providers say was paid on them, and requests to pay."""

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
_EMPTY = text("''")

bill_import = Table(
    "bill_import",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("bill_count", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_by_name", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("organisation", "sha256", name="uq_bill_import_organisation_sha256"),
)
bill = Table(
    "bill",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id), nullable=False),
    Column("import_id", Uuid, ForeignKey(bill_import.c.id)),
    Column("reference", Text, nullable=False),
    Column("payer_name", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("currency", Text, nullable=False, server_default=text("'GBP'")),
    Column("description", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("is_rehearsal", Boolean, nullable=False, server_default=text("false")),
    Column("client_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    UniqueConstraint("organisation", "reference", name="uq_bill_organisation_reference"),
    Index("ix_bill_organisation", "organisation", "id"),
    Index("ix_bill_state", "organisation", "state", "id"),
    Index("ix_bill_due", "expires_on", postgresql_where=text("state = 'open'")),
)
bill_event = Table(
    "bill_event",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("bill_id", Uuid, ForeignKey(bill.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Index("ix_bill_event_bill_id", "bill_id", "id"),
)
bill_transfer = Table(
    "bill_transfer",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("bill_reference", Text, nullable=False),
    Column("payment_reference", Text, nullable=False),
    Column("amount_pence", BigInteger),
    Column("inquiry_id", Text, nullable=False),
    Column("bill_id", Uuid, ForeignKey(bill.c.id)),
    Column("is_accepted", Boolean, nullable=False),
    Column("reject_reason", Text, nullable=False, server_default=_EMPTY),
    Column("words", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    UniqueConstraint("organisation", "institution", "request_id", name="uq_bill_transfer_request"),
    # A bill is paid once, whatever any program does.
    Index(
        "uq_bill_transfer_accepted", "bill_id", unique=True, postgresql_where=text("is_accepted")
    ),
    Index(
        "ix_bill_transfer_bill_id", "bill_id", "id", postgresql_where=text("bill_id IS NOT NULL")
    ),
    Index("ix_bill_transfer_request_id", "organisation", "request_id"),
)
bill_request = Table(
    "bill_request",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("rtp_id", Text, nullable=False),
    Column("bill_id", Uuid, ForeignKey(bill.c.id), nullable=False),
    Column("source", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("request_type", Text, nullable=False),
    Column("institution", Text, nullable=False),
    Column("address_sealed", LargeBinary),
    Column("amount_pence", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reject_reason", Text, nullable=False, server_default=_EMPTY),
    Column("payment_reference", Text, nullable=False, server_default=_EMPTY),
    Column("callback_url", Text, nullable=False, server_default=_EMPTY),
    Column("callback_correlation", Text, nullable=False, server_default=_EMPTY),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    UniqueConstraint("organisation", "rtp_id", name="uq_bill_request_rtp_id"),
    Index(
        "uq_bill_request_pending", "bill_id", unique=True, postgresql_where=text("state = 'PND'")
    ),
    Index("ix_bill_request_bill_id", "bill_id", "id"),
)
