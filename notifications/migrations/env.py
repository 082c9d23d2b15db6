"""Alembic environment of the notifications schema."""

from notifications import db
from shared.migrate import run_env

run_env("notifications", db.metadata)
