"""The seeded body, really committed, with the console beside it."""

from tests.payments.runs.conftest import app, console, database, private_key

__all__ = ["app", "console", "database", "private_key"]
