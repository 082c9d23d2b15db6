"""One schema, one owner and one login for each service, and no door between them."""

from collections.abc import Mapping
from contextlib import closing

from psycopg import Connection, connect
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from deploy.database.names import LOGINS, MIGRATOR, SERVICES

__all__ = ["EXTENSIONS", "LOGINS", "MIGRATOR", "SERVICES", "create_database"]

EXTENSIONS = ("pg_trgm", "citext", "btree_gist")
_LOCK = 0x636C_6163_6861_6E  # any number that nobody else takes; "clachan" in ASCII


class MissingPasswordError(ValueError):
    """A login role was to be made without a password."""


def plain_url(url: str) -> str:
    """Return a database address without SQLAlchemy's driver name, as libpq wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def create_database(admin_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Create or repair the roles, the database and its schemas; safe to repeat and to race.

    Roles belong to the whole cluster, so several databases share them and their passwords, which
    are set anew each time. The admin needs CREATEROLE and CREATEDB, not more.

    Raises:
        MissingPasswordError: ``passwords`` lacks one of ``LOGINS``.
        psycopg.Error: the server refused.
    """
    if missing := [role for role in LOGINS if not passwords.get(role)]:
        raise MissingPasswordError(f"no password for {', '.join(missing)}")
    admin = plain_url(admin_url)
    with closing(connect(admin, autocommit=True)) as connection:
        # Two first starts at once (tests do that) would otherwise both create the same role.
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        _create_roles(connection, passwords)
        if not _exists(connection, "pg_database", "datname", database):
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))
        target = make_conninfo(admin, dbname=database)
        with connect(target) as inside:
            _create_schemas(inside, database)


def _create_roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    for role in LOGINS:
        _create_role(connection, role)
        connection.execute(
            SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                Identifier(role), Literal(passwords[role])
            )
        )
    for service in SERVICES:
        owner = f"{service}_owner"
        _create_role(connection, owner)
        # Needed to hand the schemas over where the admin is not a superuser.
        _run(connection, "GRANT {} TO CURRENT_USER", owner)
        _run(connection, "GRANT {} TO {}", owner, MIGRATOR)
        _run(connection, "ALTER ROLE {} SET search_path = {}, public", service, service)


def _create_role(connection: Connection, role: str) -> None:
    if not _exists(connection, "pg_roles", "rolname", role):
        _run(connection, "CREATE ROLE {} NOLOGIN", role)


def _create_schemas(connection: Connection, database: str) -> None:
    _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _run(connection, "REVOKE CREATE ON SCHEMA {} FROM PUBLIC", "public")
    for extension in EXTENSIONS:
        _run(connection, "CREATE EXTENSION IF NOT EXISTS {} SCHEMA public", extension)
    for login in LOGINS:
        _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, login)
    for service in SERVICES:
        owner = f"{service}_owner"
        _run(connection, "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", service, owner)
        _run(connection, "GRANT USAGE ON SCHEMA {} TO {}", service, service)
        defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT "
        rows = f"{defaults}SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{}}"
        _run(connection, rows, owner, service, service)
        _run(connection, f"{defaults}USAGE, SELECT ON SEQUENCES TO {{}}", owner, service, service)


def _exists(connection: Connection, catalogue: str, column: str, name: str) -> bool:
    query = SQL("SELECT true FROM {} WHERE {} = %s").format(
        Identifier(catalogue), Identifier(column)
    )
    return connection.execute(query, (name,)).fetchone() is not None


def _run(connection: Connection, statement: str, *names: str) -> None:
    connection.execute(SQL(statement).format(*map(Identifier, names)))
