from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from deploy.database.roles import (
    EXTENSIONS,
    LOGINS,
    MIGRATOR,
    SERVICES,
    MissingPasswordError,
    create_database,
)
from deploy.local.postgres import Postgres, temporary_server

PASSWORDS = {role: f"word of {role}" for role in LOGINS}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with temporary_server() as running:
        create_database(running.url(), "first", PASSWORDS)
        for service in SERVICES:
            with as_role(running, MIGRATOR) as connection:
                connection.execute(f"SET ROLE {service}_owner".encode())
                connection.execute(
                    f"CREATE TABLE {service}.thing (id bigint GENERATED ALWAYS AS IDENTITY,"
                    " name citext)".encode()
                )
        yield running


def as_role(server: Postgres, role: str, database: str = "first") -> psycopg.Connection:
    return psycopg.connect(server.url(database, role, PASSWORDS[role]))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_works_in_its_own_schema(server: Postgres, service: str) -> None:
    with as_role(server, service) as connection:
        connection.execute("INSERT INTO thing (name) VALUES ('Kirk')")
        connection.execute("UPDATE thing SET name = 'kirk'")
        found = connection.execute("SELECT count(*) FROM thing WHERE name = 'KIRK'").fetchone()
        connection.execute("DELETE FROM thing")
    assert found == (1,)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("other", SERVICES)
def test_a_service_cannot_reach_another(server: Postgres, service: str, other: str) -> None:
    if service == other:
        statement = f"DROP TABLE {other}.thing"
        reason = "must be owner of table thing"
    else:
        statement, reason = f"SELECT * FROM {other}.thing", "permission denied for schema"
    with (
        as_role(server, service) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=reason),
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize("schema", [*SERVICES, "public"])
def test_a_service_creates_no_tables(server: Postgres, schema: str) -> None:
    with (
        as_role(server, "payments") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"CREATE TABLE {schema}.mine (id int)".encode())


def test_the_extensions_are_there(server: Postgres) -> None:
    with as_role(server, "gateway") as connection:
        names = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
    assert names >= set(EXTENSIONS)


def test_a_new_password_replaces_the_old_one(server: Postgres) -> None:
    create_database(server.url(), "first", PASSWORDS | {"gateway": "changed"})
    try:
        with pytest.raises(psycopg.OperationalError):
            as_role(server, "gateway")
    finally:
        create_database(server.url(), "first", PASSWORDS)
    as_role(server, "gateway").close()


def test_several_databases_are_made_at_the_same_time(server: Postgres) -> None:
    names = ["second", "third", "fourth", "second"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: create_database(server.url(), name, PASSWORDS), names))
    for name in names:
        as_role(server, "identity", name).close()


def test_an_admin_that_is_no_superuser_suffices(server: Postgres) -> None:
    with temporary_server() as other:
        with psycopg.connect(other.url()) as connection:
            connection.execute("CREATE ROLE hosted LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
        create_database(other.url("postgres", "hosted", "x"), "first", PASSWORDS)
        create_database(other.url("postgres", "hosted", "x"), "first", PASSWORDS)
        with as_role(other, MIGRATOR) as connection:
            connection.execute("SET ROLE identity_owner")
            connection.execute("CREATE TABLE identity.thing (id int)")
        with as_role(other, "identity") as connection:
            connection.execute("INSERT INTO thing VALUES (1)")


def test_a_role_without_password_is_refused(server: Postgres) -> None:
    with pytest.raises(MissingPasswordError, match="gateway"):
        create_database(server.url(), "never", PASSWORDS | {"gateway": ""})
    with psycopg.connect(server.url()) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'never'").fetchone()
    assert found is None
