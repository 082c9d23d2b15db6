"""What tests of uploads stand on: a seeded body and a worker; names are warned about, not held."""

from pathlib import Path

import pytest

from payments.payees.bank_details import DetailsVault
from payments.settings import PaymentsSettings
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET, make_settings
from tests.payments.runs.world import seed
from tests.payments.uploads.world import Uploads


@pytest.fixture
def settings(payments_url: str, key_file: Path, private_key: Path) -> PaymentsSettings:
    return make_settings(payments_url, key_file, private_key, screening_without_list="warn")


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        seed(session)
    return payments_database


@pytest.fixture
def uploads(database: Database, settings: PaymentsSettings, sealer: Sealer) -> Uploads:
    return Uploads(database, settings, sealer, DetailsVault(sealer, SECRET))
