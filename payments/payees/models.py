"""Name checks: what was asked about a payee, and what the bank answered."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid, text

from payments.base import Base

# The question is sealed; once there, the answer is final.
name_check = Table(
    "name_check",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("account_type", Text, nullable=False),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("details_sealed", LargeBinary, nullable=False),
    Column("payee_fingerprint", LargeBinary, nullable=False),
    Column("modulus_result", Text, nullable=False),
    Column("modulus_version", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("asked_by_kind", Text, nullable=False),
    Column("asked_by_id", Text, nullable=False),
    Column("asked_by_name", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("outcome", Text),
    Column("reason_code", Text),
    Column("matched_name_sealed", LargeBinary),
    Column("answered_at", DateTime(timezone=True)),
    Column("account_fingerprint", LargeBinary),
    Column("responder_rule", Text, nullable=False, server_default=text("''")),
    Index("ix_name_check_organisation_asked_at", "organisation", "asked_at"),
    Index("ix_name_check_payee_fingerprint", "payee_fingerprint"),
    Index(
        "ix_name_check_asked_of_account",
        "organisation",
        "asked_by_id",
        "account_fingerprint",
        "asked_at",
        postgresql_where=text("account_fingerprint IS NOT NULL"),
    ),
)
