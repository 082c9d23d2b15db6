from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from starlette.routing import Mount

from payments.web import create_app
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.bank.bank_day import SECRET, BankDay, make_day, running_bank
from tests.payments.runs.console import Console, make_settings, sign_in


@pytest.fixture
def day(payments_database: Database, tmp_path: Path, key_file: Path) -> Iterator[BankDay]:
    with running_bank(tmp_path) as http:
        yield make_day(payments_database, http, key_file)


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "service.pem"
    path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return path


@pytest.fixture
def console(
    day: BankDay, payments_url: str, key_file: Path, private_key: Path, sealer: Sealer
) -> Iterator[Callable[..., Console]]:
    app = create_app(make_settings(payments_url, key_file, private_key, secret_key=SECRET))
    made: list[Console] = []

    def open_console(*people: Actor) -> Console:
        made.append(sign_in(app, day.database, sealer, *people))
        return made[-1]

    yield open_console
    for one in made:
        one.client.close()
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.database.engine.dispose()
