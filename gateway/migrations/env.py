"""Alembic environment of the gateway schema."""

from gateway import db
from shared.migrate import run_env

run_env("gateway", db.metadata)
