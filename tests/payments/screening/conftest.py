"""Screening stands on the same body and worker as uploads."""

from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from payments.payees.bank_details import DetailsVault
from payments.settings import PaymentsSettings
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET, make_settings
from tests.payments.runs.world import seed
from tests.payments.uploads.world import Uploads


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "service.pem"
    path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return path


@pytest.fixture
def settings(payments_url: str, key_file: Path, private_key: Path) -> PaymentsSettings:
    return make_settings(payments_url, key_file, private_key)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        seed(session)
    return payments_database


@pytest.fixture
def uploads(database: Database, settings: PaymentsSettings, sealer: Sealer) -> Uploads:
    return Uploads(database, settings, sealer, DetailsVault(sealer, SECRET))
