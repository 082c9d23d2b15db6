"""Alembic environment of the payments schema."""

from payments import db
from shared.migrate import run_env

run_env("payments", db.metadata)
