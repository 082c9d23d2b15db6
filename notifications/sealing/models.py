"""The key of the blind indexes, itself sealed."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    LargeBinary,
    SmallInteger,
    Table,
    text,
)

from notifications.base import Base

# One row: the key with which addresses and requests are hashed.
lookup_key = Table(
    "lookup_key",
    Base.metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("id = 1", name="single"),
)
