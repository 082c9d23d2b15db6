import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.catalogue.actions import load_reference
from gateway.journeys import neighbours, tasks
from gateway.journeys.commands import publish_folder
from gateway.journeys.publishing.files import read_definition
from gateway.settings import GatewaySettings
from gateway.web import create_app
from shared import outbox
from shared.crypto import Sealer
from shared.db import Database, make_engine
from tests.conftest import Cluster
from tests.gateway.journeys.neighbours import Neighbours, one_address, served

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ROOT / "services"
GRANT = SERVICES / "winter-heating-grant.yaml"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
# Importing a feature's tasks is what lets a worker do them.
TASKS = (tasks,)
DEFINITIONS = len(list(SERVICES.glob("*.yaml")))


@pytest.fixture
def grant() -> dict[str, Any]:
    """The demo service's definition, to be changed by a test."""
    return read_definition(GRANT)


_RUN = (
    "instance, instance_event, decision, payout, letter, case_notice,"
    " outbox, audit_event, web_session, login_attempt, idempotency_key"
)


@pytest.fixture(scope="session")
def shared_database(gateway_url: str) -> Iterator[Database]:
    engine = make_engine(gateway_url, pool_size=20, service="tests")
    yield Database(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def emptied(shared_database: Database, cluster: Cluster) -> Iterator[Database]:
    """The database of one file of tests, which leaves nothing to the next."""
    cluster.empty("gateway")
    yield shared_database
    cluster.empty("gateway")


@pytest.fixture
def published(emptied: Database, cluster: Cluster) -> Database:
    """A database in which the demo services are published and nobody has begun anything.

    Publishing is done again only after a test that published something else.
    """
    if _versions(emptied) != DEFINITIONS:
        cluster.empty("gateway")
        with emptied.transaction() as session:
            load_reference(session)
        publish_folder(emptied, SERVICES)
    with psycopg.connect(cluster.admin_url) as connection:
        connection.execute("SET search_path = gateway")
        connection.execute(f"TRUNCATE {_RUN}".encode())
    return emptied


def _versions(database: Database) -> int:
    with database.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM journey_version")).scalar_one())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """A running gateway with its neighbours, and the worker under a test's control."""

    url: str
    database: Database
    settings: GatewaySettings
    neighbours: Neighbours
    sealer: Sealer
    clients: list[httpx.Client] = field(default_factory=list)

    def browser(self) -> httpx.Client:
        """Return a new browser: its own cookies, follows redirects."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=20)
        self.clients.append(client)
        return client

    def work(self) -> int:
        """Do what waits in the outbox until nothing is due; returns how many pieces were done."""
        done = 0
        while True:
            with self.database.transaction() as session:
                rows = session.execute(
                    text(
                        "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
                        " AND due_at <= clock_timestamp() ORDER BY id"
                    )
                ).all()
            if not rows:
                return done
            for row in rows:
                done += outbox.run(self.database, self.settings, row.id, row.topic)

    def hurry(self) -> None:
        """Make work that waits for a later attempt due now."""
        with self.database.transaction() as session:
            session.execute(
                text("UPDATE outbox SET due_at = now(), lease_until = NULL WHERE done_at IS NULL")
            )

    def count(self, table: str, condition: str = "true") -> int:
        """Return how many rows a table has."""
        with self.database.transaction() as session:
            return int(
                session.execute(
                    text(f"SELECT count(*) FROM {table} WHERE {condition}")
                ).scalar_one()
            )

    def rows(self, statement: str) -> list[Any]:
        """Return what a statement reads."""
        with self.database.transaction() as session:
            return list(session.execute(text(statement)).all())


def write_key(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def make_settings(url: str, database_url: str, key_file: Path, folder: Path) -> GatewaySettings:
    return GatewaySettings(
        environment="test",
        public_url=url,
        port=1,
        database_url=database_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key=secrets.token_hex(32),
        encryption_key_file=key_file,
        private_key_file=write_key(folder / "service.pem"),
        journeys_private_key_file=write_key(folder / "journeys.pem"),
        payee_check_timeout_seconds=3,
    )


@pytest.fixture(scope="session")
def server(
    gateway_url: str, key_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewaySettings, Neighbours]]:
    """One running gateway for all tests, with its neighbours on the same address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = make_settings(url, gateway_url, key_file, tmp_path_factory.mktemp("gateway"))
    around = Neighbours(public_url=url)
    app = create_app(settings)
    with served(one_address(around, app), port):
        yield settings, around
    close(app)


@pytest.fixture
def site(
    published: Database, server: tuple[GatewaySettings, Neighbours], sealer: Sealer
) -> Iterator[Site]:
    settings, around = server
    around.forget()
    made = Site(settings.public_url, published, settings, around, sealer)
    yield made
    for client in made.clients:
        client.close()


def close(app: Starlette) -> None:
    """Close what a process keeps open for as long as it lives."""
    pages = next(r.app for r in app.routes if isinstance(r, Mount) and r.path == "")
    assert isinstance(pages, FastAPI)
    state = pages.state
    state.runtime.database.engine.dispose()
    state.runtime.tokens._keys._http.close()
    state.login._http.close()
    state.attribute_source._http.close()
    for made in neighbours._made.values():
        made.payments._http.close()
        made.notifications._http.close()
    neighbours._made.clear()
