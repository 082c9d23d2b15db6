from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.crypto import Sealer
from shared.db import Database
from tests.payments.bank.bank_day import SECRET, BankDay, make_day, running_bank
from tests.payments.runs.console import Console, consoles, make_settings, running_app


@pytest.fixture
def day(payments_database: Database, tmp_path: Path, key_file: Path) -> Iterator[BankDay]:
    with running_bank(tmp_path) as http:
        yield make_day(payments_database, http, key_file)


@pytest.fixture
def console(
    day: BankDay, payments_url: str, key_file: Path, private_key: Path, sealer: Sealer
) -> Iterator[Callable[..., Console]]:
    settings = make_settings(payments_url, key_file, private_key, secret_key=SECRET)
    with running_app(settings) as app, consoles(app, day.database, sealer) as opened:
        yield opened
