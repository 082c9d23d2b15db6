"""Locks by name for the length of a transaction."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 44))")


def lock_name(session: Session, name: str) -> None:
    """Wait until nobody else works under this name, and keep it until the transaction ends."""
    session.execute(_LOCK, {"name": name})
