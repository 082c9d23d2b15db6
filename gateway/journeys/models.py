"""The tables of journeys: versions of definitions, instances, what happened and what it caused."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
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

from gateway.base import Base
from gateway.journeys.rules import PAYOUT_STATES, STATES


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


journey_version = Table(
    "journey_version",
    Base.metadata,
    Column("service_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    # Not jsonb: the order of the members is kept.
    Column("body", JSON, nullable=False),
    _moment("published_at"),
)

journey = Table(
    "journey",
    Base.metadata,
    Column("service_id", Text, primary_key=True),
    Column("current_version", Text, nullable=False),
    _moment("published_at"),
    ForeignKeyConstraint(
        ["service_id", "current_version"],
        [journey_version.c.service_id, journey_version.c.version],
    ),
)

instance = Table(
    "instance",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("service_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("subject", Text),
    Column("browser_hash", LargeBinary),
    Column("language", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("expires_at"),
    _moment("submitted_at", nullable=True),
    _moment("finished_at", nullable=True),
    ForeignKeyConstraint(
        ["service_id", "version"], [journey_version.c.service_id, journey_version.c.version]
    ),
    UniqueConstraint("reference"),
    CheckConstraint(_one_of("state", STATES), name="state"),
    Index("ix_instance_subject", "subject", "updated_at"),
    Index(
        "uq_instance_browser_draft",
        "browser_hash",
        "service_id",
        unique=True,
        postgresql_where=text("state = 'draft' AND browser_hash IS NOT NULL"),
    ),
    Index(
        "uq_instance_subject_draft",
        "subject",
        "service_id",
        unique=True,
        postgresql_where=text("state = 'draft' AND subject IS NOT NULL"),
    ),
)

instance_event = Table(
    "instance_event",
    Base.metadata,
    Column("instance_id", Uuid, ForeignKey(instance.c.id), primary_key=True),
    Column("rev", Integer, primary_key=True),
    Column("move", Text, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    _moment("at"),
)

decision = Table(
    "decision",
    Base.metadata,
    Column("instance_id", Uuid, ForeignKey(instance.c.id), primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("amount_pence", BigInteger),
    Column("on_date", Date, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _moment("decided_at"),
)

payout = Table(
    "payout",
    Base.metadata,
    Column("instance_id", Uuid, ForeignKey(instance.c.id), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("amount_pence", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("payment_id", Text),
    Column("reason", Text, nullable=False),
    _moment("requested_at"),
    _moment("changed_at"),
    UniqueConstraint("payment_id"),
    CheckConstraint(_one_of("state", PAYOUT_STATES), name="state"),
)

letter = Table(
    "letter",
    Base.metadata,
    Column("instance_id", Uuid, ForeignKey(instance.c.id), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("message_id", Text, nullable=False),
    _moment("sent_at"),
    _moment("opened_at", nullable=True),
    UniqueConstraint("message_id"),
)

case_notice = Table(
    "case_notice",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("instance_id", Uuid, ForeignKey(instance.c.id), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _moment("occurred_at"),
    _moment("received_at"),
    Index("ix_case_notice_instance_id", "instance_id"),
)
