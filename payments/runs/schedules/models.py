"""Tables of schedules, what they pay from a day on, and what was done about each of their days."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from payments.base import Base
from payments.payees.master.models import payee
from payments.runs.models import body, programme, run

_metadata = Base.metadata
_INSTANT = DateTime(timezone=True)
_EMPTY = text("''")

schedule = Table(
    "schedule",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id), nullable=False),
    Column("reference", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("frequency", Text, nullable=False),
    Column("month_day", SmallInteger),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),
    Column("most", SmallInteger),
    Column("days_ahead", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False, server_default=_EMPTY),
    # The next day that nothing was done about yet, and when it has to be done.
    Column("next_on", Date),
    Column("look_at", _INSTANT),
    Column("created_by_id", Text, nullable=False),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", _INSTANT, nullable=False),
    Column("state_at", _INSTANT, nullable=False),
    UniqueConstraint("reference"),
    Index("ix_schedule_organisation_id", "organisation", "id"),
    Index("ix_schedule_look_at", "look_at", postgresql_where=text("state = 'active'")),
)
schedule_version = Table(
    "schedule_version",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("schedule_id", Uuid, ForeignKey(schedule.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("from_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payments", Integer, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("proposed_by_id", Text, nullable=False),
    Column("proposed_by_name", Text, nullable=False),
    Column("proposed_at", _INSTANT, nullable=False),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("decided_at", _INSTANT),
    UniqueConstraint("schedule_id", "number"),
    Index(
        "uq_schedule_version_proposed",
        "schedule_id",
        unique=True,
        postgresql_where=text("state = 'proposed'"),
    ),
)
schedule_payment = Table(
    "schedule_payment",
    _metadata,
    Column("version_id", Uuid, ForeignKey(schedule_version.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("payee_id", Uuid, ForeignKey(payee.c.id), nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("reference", Text, nullable=False),
    Index("ix_schedule_payment_payee_id", "payee_id"),
)
schedule_occurrence = Table(
    "schedule_occurrence",
    _metadata,
    Column("schedule_id", Uuid, ForeignKey(schedule.c.id), primary_key=True),
    Column("wanted_on", Date, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version_id", Uuid, ForeignKey(schedule_version.c.id)),
    Column("run_id", Uuid, ForeignKey(run.c.id)),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("is_caught_up", Boolean, nullable=False, server_default=text("false")),
    Column("by_id", Text, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
    UniqueConstraint("id"),
    Index(
        "uq_schedule_occurrence_run_id",
        "run_id",
        unique=True,
        postgresql_where=text("run_id IS NOT NULL"),
    ),
)
# Nothing of it is ever changed.
schedule_event = Table(
    "schedule_event",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("schedule_id", Uuid, ForeignKey(schedule.c.id), nullable=False),
    Column("at", _INSTANT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Index("ix_schedule_event_schedule_id", "schedule_id", "id"),
)
