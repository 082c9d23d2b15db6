"""Tables of work items and what people wrote to them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from payments.base import Base

_metadata = Base.metadata
_EMPTY = text("''")

work_item = Table(
    "work_item",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("body", Text, nullable=False),
    # Names the cause, so that the same cause twice is one item.
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("submission_id", Uuid),
    Column("payment_id", Uuid),
    Column("report_id", Uuid),
    Column("code", Text, nullable=False, server_default=_EMPTY),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("action", Text, nullable=False),
    Column("amount_pence", BigInteger, nullable=False, server_default=text("0")),
    # New bank details that the bank told, sealed.
    Column("private_sealed", LargeBinary),
    Column("due_on", Date, nullable=False),
    Column("owner_id", Text),
    Column("owner_name", Text, nullable=False, server_default=_EMPTY),
    Column("state", Text, nullable=False, server_default="open"),
    Column("result", Text, nullable=False, server_default=_EMPTY),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_by_id", Text),
    Column("closed_by_name", Text, nullable=False, server_default=_EMPTY),
    UniqueConstraint("body", "key"),
    Index("ix_work_item_open", "body", "due_on", "id", postgresql_where=text("state = 'open'")),
    Index(
        "ix_work_item_payment_id",
        "payment_id",
        postgresql_where=text("payment_id IS NOT NULL"),
    ),
    Index(
        "ix_work_item_submission_id",
        "submission_id",
        postgresql_where=text("submission_id IS NOT NULL"),
    ),
)
work_note = Table(
    "work_note",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("item_id", Uuid, ForeignKey(work_item.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_work_note_item_id", "item_id", "id"),
)
