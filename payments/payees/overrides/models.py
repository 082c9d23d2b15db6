"""The decisions by which held payments went on."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid

from payments.base import Base

# Only ever added to.
hold_override = Table(
    "hold_override",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("payment_reference", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("hold_code", Text, nullable=False),
    Column("hold_reason", Text, nullable=False),
    Column("check_id", Uuid),
    Column("outcome", Text),
    Column("reason_code", Text),
    Column("policy_version", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    Index("ix_hold_override_organisation", "organisation", "id"),
    Index("ix_hold_override_payment_id", "payment_id"),
)
