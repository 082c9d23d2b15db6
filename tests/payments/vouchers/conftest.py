"""A shop on the seeded body, rolled back or really committed."""

import pytest
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET
from tests.payments.runs.world import seed
from tests.payments.vouchers.shop import Shop, open_shop


@pytest.fixture
def vault(sealer: Sealer) -> DetailsVault:
    return DetailsVault(sealer, SECRET)


@pytest.fixture
def session(payments_session: Session) -> Session:
    seed(payments_session)
    return payments_session


@pytest.fixture
def shop(session: Session, vault: DetailsVault) -> Shop:
    return open_shop(session, vault)


@pytest.fixture
def busy_shop(payments_database: Database, vault: DetailsVault) -> Shop:
    with payments_database.transaction() as session:
        seed(session)
        return open_shop(session, vault)
