"""The seeded body, rolled back or really committed, and its console."""

from tests.payments.runs.conftest import app, console, database, session, vault, world

__all__ = ["app", "console", "database", "session", "vault", "world"]
