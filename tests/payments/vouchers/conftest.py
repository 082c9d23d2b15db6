"""A shop on the seeded body, rolled back or really committed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session
from starlette.routing import Mount

from payments.payees.bank_details import DetailsVault
from payments.web import create_app
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import SECRET, Console, make_settings, sign_in
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


@pytest.fixture
def console(
    busy_shop: Shop,
    payments_database: Database,
    payments_url: str,
    key_file: Path,
    tmp_path: Path,
    sealer: Sealer,
) -> Iterator[Callable[..., Console]]:
    key = tmp_path / "service.pem"
    key.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    app = create_app(make_settings(payments_url, key_file, key))
    made: list[Console] = []

    def open_console(*people: Actor) -> Console:
        made.append(sign_in(app, payments_database, sealer, *people))
        return made[-1]

    yield open_console
    for one in made:
        one.client.close()
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.database.engine.dispose()
