"""What tests of runs stand on: the seeded body, rolled back or really committed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.routing import Mount

from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.web import create_app
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET, Console, make_settings, sign_in
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


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "service.pem"
    path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return path


@pytest.fixture
def app(
    database: Database, payments_url: str, key_file: Path, private_key: Path
) -> Iterator[Starlette]:
    made = create_app(make_settings(payments_url, key_file, private_key))
    yield made
    for route in made.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.database.engine.dispose()


@pytest.fixture
def console(app: Starlette, database: Database, sealer: Sealer) -> Iterator[Callable[..., Console]]:
    made: list[Console] = []

    def open_console(*people: Actor, **claims: object) -> Console:
        made.append(sign_in(app, database, sealer, *people, claims=claims))
        return made[-1]

    yield open_console
    for one in made:
        one.client.close()
