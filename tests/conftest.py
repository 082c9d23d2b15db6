"""One throw-away PostgreSQL per test process, with every service's real migrations in it.

For each service ``S``: ``S_session`` is a session that is rolled back after the test,
``S_database`` a :class:`shared.db.Database` that really commits and is emptied afterwards, and
``S_url`` the address that its application role uses.
"""

import base64
import gc
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from fastapi.dependencies import utils as fastapi_utils
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from deploy.database.roles import LOGINS, MIGRATOR, SERVICES, create_database
from deploy.local.postgres import temporary_server
from shared.crypto import Sealer
from shared.db import Database, make_engine
from shared.migrate import upgrade
from tests.support.browser import launch_browser

_DATABASE = "clachan_test"
# Each test makes its application anew and the framework reads the signature of every endpoint
# again, a tenth of the time of all tests; the signatures themselves do not change.
fastapi_utils._get_signature = cache(fastapi_utils._get_signature)
_TABLES = """
SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables
 WHERE schemaname = %s AND tablename <> 'alembic_version'
"""
_LARGE_BYTES = 1_000_000


def pytest_collection_finish() -> None:
    """Let the collector pass over what the imports made: it stays, and there is much of it."""
    gc.collect()
    gc.freeze()


class Cluster:
    """The test server: addresses for each role, migrations on demand."""

    def __init__(self, admin_url: str) -> None:
        self.passwords = {role: secrets.token_hex(8) for role in LOGINS}
        create_database(admin_url, _DATABASE, self.passwords)
        self.admin_url = admin_url.rsplit("/", 1)[0] + f"/{_DATABASE}"
        self.migrated = cache(self._migrate)
        self._which_are_filled = cache(self._ask_which_are_filled)
        self._admin: psycopg.Connection | None = None

    def url(self, role: str) -> str:
        """Return the SQLAlchemy address of the test database for a role."""
        host = self.admin_url.rsplit("@", 1)[1]
        return f"postgresql+psycopg://{role}:{self.passwords[role]}@{host}"

    def _migrate(self, service: str) -> str:
        upgrade(service, self.url(MIGRATOR))
        return self.url(service)

    def empty(self, service: str) -> None:
        """Remove every row of a service, past all triggers.

        Only tables that hold something are touched, and small ones by DELETE: a TRUNCATE makes
        new files for each table and index, which took half the time of all tests together.
        """
        connection = self._get_admin()
        filled = connection.execute(self._which_are_filled(service), prepare=True).fetchall()
        with connection.transaction():
            for table, size in filled:
                large = size > _LARGE_BYTES
                remove = f"TRUNCATE {table} CASCADE" if large else f"DELETE FROM {table}"
                connection.execute(remove.encode())

    def close(self) -> None:
        """Close the connection that empties tables."""
        if self._admin is not None:
            self._admin.close()

    def _get_admin(self) -> psycopg.Connection:
        """Return the one connection for all tests: a new one knows no table and no plan yet."""
        if self._admin is None:
            self._admin = psycopg.connect(self.admin_url, autocommit=True)
            self._admin.execute("SET session_replication_role = replica")
        return self._admin

    def _ask_which_are_filled(self, service: str) -> bytes:
        tables = self._get_admin().execute(_TABLES, (service,)).fetchall()
        return " UNION ALL ".join(
            f"SELECT '{table}', pg_total_relation_size('{table}')"
            f" WHERE EXISTS (SELECT FROM {table})"
            for (table,) in tables
        ).encode()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with temporary_server(tmp_path_factory.mktemp("postgres")) as server:
        made = Cluster(server.url())
        yield made
        made.close()


def _make_url(service: str) -> Callable[..., str]:
    @pytest.fixture(scope="session", name=f"{service}_url")
    def url(cluster: Cluster) -> str:
        return cluster.migrated(service)

    return url


def _make_session(service: str) -> Callable[..., Iterator[Session]]:
    @pytest.fixture(name=f"{service}_session")
    def session(request: pytest.FixtureRequest) -> Iterator[Session]:
        engine = _rolled_back_engine(request.getfixturevalue(f"{service}_url"))
        with engine.connect() as connection:
            outer = connection.begin()
            with Session(
                connection, join_transaction_mode="create_savepoint", expire_on_commit=False
            ) as inner:
                yield inner
            outer.rollback()

    return session


# Engines live as long as the process: the connection of an earlier test knows its plans already.
@cache
def _rolled_back_engine(url: str) -> Engine:
    return create_engine(url)


@cache
def _committing_engine(url: str) -> Engine:
    return make_engine(url, pool_size=20, service="tests")


def _make_database(service: str) -> Callable[..., Iterator[Database]]:
    @pytest.fixture(name=f"{service}_database")
    def database(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Database]:
        yield Database(_committing_engine(request.getfixturevalue(f"{service}_url")))
        cluster.empty(service)

    return database


for _service in SERVICES:
    globals()[f"_{_service}_url"] = _make_url(_service)
    globals()[f"_{_service}_session"] = _make_session(_service)
    globals()[f"_{_service}_database"] = _make_database(_service)


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "test.kek"
    path.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    return path


@pytest.fixture(scope="session")
def sealer(key_file: Path) -> Sealer:
    return Sealer(key_file)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # One for all: Playwright's synchronous interface cannot be opened twice in a process.
    with sync_playwright() as playwright:
        started = launch_browser(playwright)
        yield started
        started.close()
