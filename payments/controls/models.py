"""Tables of controls: rules, holds, closing days and cut-off times."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    Time,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from payments.base import Base
from payments.runs.models import body, payment, programme, run

_metadata = Base.metadata
_INSTANT = DateTime(timezone=True)

control_rule = Table(
    "control_rule",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("kind", Text, nullable=False),
    Column("replaces", Uuid, ForeignKey("payments.control_rule.id")),
    Column("measure", Text),
    Column("programme_id", Uuid, ForeignKey(programme.c.id)),
    Column("rail", Text),
    Column("pence", BigInteger, nullable=False),
    Column("approvals", SmallInteger),
    Column("step_up", Boolean, nullable=False, server_default=text("false")),
    Column("person_id", Text),
    Column("person_name", Text),
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("state", Text, nullable=False, server_default=text("'proposed'")),
    Column("reason", Text, nullable=False),
    Column("proposed_by_id", Text, nullable=False),
    Column("proposed_by_name", Text, nullable=False),
    Column("proposed_at", _INSTANT, nullable=False),
    Column("decided_by_id", Text),
    Column("decided_by_name", Text),
    Column("decided_at", _INSTANT),
    Column("ended_at", _INSTANT),
    Index("ix_control_rule_organisation_state", "organisation", "state"),
)
hold = Table(
    "hold",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("level", Text, nullable=False),
    Column("programme_id", Uuid, ForeignKey(programme.c.id)),
    Column("run_id", Uuid, ForeignKey(run.c.id)),
    Column("payment_id", Uuid, ForeignKey(payment.c.id)),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("review_on", Date, nullable=False),
    Column("placed_by_id", Text, nullable=False),
    Column("placed_by_name", Text, nullable=False),
    Column("placed_at", _INSTANT, nullable=False),
    Column("lifted_by_id", Text),
    Column("lifted_by_name", Text),
    Column("lifted_at", _INSTANT),
    Column("lift_reason", Text),
    Index("ix_hold_payment_id", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
)
Index(
    "uq_hold_standing",
    hold.c.organisation,
    hold.c.level,
    func.coalesce(
        hold.c.payment_id,
        hold.c.run_id,
        hold.c.programme_id,
        literal_column("'00000000-0000-0000-0000-000000000000'::uuid"),
    ),
    unique=True,
    postgresql_where=hold.c.lifted_at.is_(None),
)
closing_day = Table(
    "closing_day",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation", Text, ForeignKey(body.c.organisation), nullable=False),
    Column("day", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by_id", Text, nullable=False),
    Column("set_by_name", Text, nullable=False),
    Column("set_at", _INSTANT, nullable=False),
    Column("removed_by_id", Text),
    Column("removed_by_name", Text),
    Column("removed_at", _INSTANT),
    Index(
        "uq_closing_day",
        "organisation",
        "day",
        unique=True,
        postgresql_where=text("removed_at IS NULL"),
    ),
)
cut_off = Table(
    "cut_off",
    _metadata,
    Column("organisation", Text, ForeignKey(body.c.organisation), primary_key=True),
    Column("rail", Text, primary_key=True),
    Column("at", Time),
    Column("changed_by_name", Text, nullable=False),
    Column("changed_at", _INSTANT, nullable=False),
)
staff_seen = Table(
    "staff_seen",
    _metadata,
    Column("organisation", Text, primary_key=True),
    Column("person_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("seen_at", _INSTANT, nullable=False),
)
