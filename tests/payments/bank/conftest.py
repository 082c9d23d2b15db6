from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.db import Database
from tests.payments.bank.bank_day import BankDay, make_day, running_bank


@pytest.fixture
def day(payments_database: Database, tmp_path: Path, key_file: Path) -> Iterator[BankDay]:
    with running_bank(tmp_path) as http:
        yield make_day(payments_database, http, key_file)
