"""Alembic environment of the identity schema."""

from identity import db
from shared.migrate import run_env

run_env("identity", db.metadata)
