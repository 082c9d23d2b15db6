"""A body with an account of its own, really committed, with the console beside it."""

import pytest

from shared.db import Database
from tests.payments.gl.journals.desk import open_fees
from tests.payments.runs.conftest import app, console, database

__all__ = ["app", "console", "database", "ledger"]


@pytest.fixture
def ledger(database: Database) -> Database:
    open_fees(database)
    return database
