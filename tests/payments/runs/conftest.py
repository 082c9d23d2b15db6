"""What tests of runs stand on: the seeded body, rolled back or really committed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from starlette.applications import Starlette

from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET, Console, consoles, make_settings, running_app
from tests.payments.runs.world import World, seed


@pytest.fixture
def vault(sealer: Sealer) -> DetailsVault:
    return DetailsVault(sealer, SECRET)


@pytest.fixture
def world(vault: DetailsVault) -> World:
    return World(Desk(vault, TableFiles(None, None)))


@pytest.fixture
def session(payments_session: Session) -> Session:
    seed(payments_session)
    return payments_session


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        seed(session)
    return payments_database


@pytest.fixture
def app(
    database: Database, payments_url: str, key_file: Path, private_key: Path
) -> Iterator[Starlette]:
    with running_app(make_settings(payments_url, key_file, private_key)) as made:
        yield made


@pytest.fixture
def console(app: Starlette, database: Database, sealer: Sealer) -> Iterator[Callable[..., Console]]:
    with consoles(app, database, sealer) as opened:
        yield opened
