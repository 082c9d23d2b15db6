"""The GovStack doors on the seeded sandbox: open, and with tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.govstack.actions.seeding import seed_sandbox
from payments.govstack.commands import DEMO_FILE
from payments.govstack.sandbox import SandboxPlan
from payments.payees.bank_details import DetailsVault
from payments.web import create_app
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.govstack.calls import BODY, Tokens
from tests.payments.runs.console import SECRET, make_settings
from tests.payments.runs.world import seed


@pytest.fixture
def govstack_vault(sealer: Sealer) -> DetailsVault:
    return DetailsVault(sealer, SECRET)


@pytest.fixture
def sandbox(payments_database: Database, govstack_vault: DetailsVault) -> Database:
    plan = SandboxPlan.model_validate(yaml.safe_load(DEMO_FILE.read_text()))
    with payments_database.transaction() as session:
        seed(session)
        seed_sandbox(session, govstack_vault, BODY, plan, SYSTEM, clock.now())
    return payments_database


@pytest.fixture
def service(
    sandbox: Database, payments_url: str, key_file: Path, tmp_path: Path
) -> Iterator[Starlette]:
    key = tmp_path / "service.pem"
    key.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    settings = make_settings(
        payments_url,
        key_file,
        key,
        govstack_open_body=BODY,
        govstack_programme="winter-heating",
    )
    made = create_app(settings)
    for route in made.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = Tokens()
    yield made
    for route in made.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.database.engine.dispose()


@pytest.fixture
def door(service: Starlette) -> Iterator[TestClient]:
    """The open listener, as a caller without any token sees it."""
    with TestClient(
        service,
        base_url="http://testserver/payments/govstack/",
        headers={"X-Clachan-Listener": "govstack"},
    ) as client:
        yield client


@pytest.fixture
def closed_door(service: Starlette) -> Iterator[TestClient]:
    """The ordinary address, which asks for a token."""
    with TestClient(service, base_url="http://testserver/payments/govstack/") as client:
        yield client
