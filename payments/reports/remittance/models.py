"""Tables of remittance advice: which programmes send it, and what was sent to whom."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from payments.base import Base
from payments.runs.models import programme, run

_metadata = Base.metadata

remittance_setting = Table(
    "remittance_setting",
    _metadata,
    Column("programme_id", Uuid, ForeignKey(programme.c.id), primary_key=True),
    Column("send_when", Text, nullable=False),
    Column("changed_by_name", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
# One for each payee of a run, whatever the number of its payments.
remittance_advice = Table(
    "remittance_advice",
    _metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("organisation", Text, nullable=False),
    Column("run_id", Uuid, ForeignKey(run.c.id), nullable=False),
    Column("payee_id", Uuid, nullable=False),
    Column("payments", BigInteger, nullable=False),
    Column("pence", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("problem", Text, nullable=False, server_default=text("''")),
    Column("message_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    UniqueConstraint("run_id", "payee_id"),
    Index(
        "ix_remittance_advice_waiting",
        "run_id",
        "id",
        postgresql_where=text("state = 'waiting'"),
    ),
)
