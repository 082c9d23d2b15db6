import pytest

from payments.payees.bank_details import DetailsVault
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.payees.master.desk import Desk
from tests.payments.runs.conftest import app, console, world
from tests.payments.runs.console import SECRET
from tests.payments.runs.world import seed

__all__ = ["app", "console", "world"]


@pytest.fixture
def vault(sealer: Sealer) -> DetailsVault:
    return DetailsVault(sealer, SECRET)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        seed(session)
    return payments_database


@pytest.fixture
def desk(database: Database, vault: DetailsVault) -> Desk:
    return Desk(database, vault)
