"""A database whose planner knows only a tiny file, and how much work its statements then are.

Its statistics and settings are its own: the server of the other tests keeps theirs.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import event

from deploy.database.roles import MIGRATOR, create_database
from shared.db import Database, make_engine
from shared.migrate import upgrade
from tests.conftest import Cluster

_NAME = "clachan_planned"
# The server tells each plan with what it has really done to the connection that asked.
_EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_buffers": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'payments'"
_THROWN_AWAY = ("Rows Removed by Filter", "Rows Removed by Join Filter")


@dataclass
class Planned:
    """The database, and the rows that its statements have handled since ``plans`` was emptied."""

    url: str
    admin: Connection
    database: Database
    plans: list[str] = field(default_factory=list)

    def analyse(self) -> None:
        """Make the statistics what the tables are at this moment."""
        self.admin.execute("ANALYZE")

    def forget(self) -> None:
        """Forget what was done so far."""
        self.plans.clear()

    def find_worst(self, payments: int, most: float) -> list[str]:
        """Return the statements that handled more than ``most`` rows a payment, worst first."""
        found = []
        for plan in self.plans:
            told = json.loads(plan)
            rows = _handled(told["Plan"]) / payments
            if rows > most:
                found.append((rows, " ".join(told["Query Text"].split())[:300]))
        return [f"{rows:,.0f} rows a payment: {query}" for rows, query in sorted(found)[::-1]]


def _handled(node: dict[str, object]) -> float:
    """Return how many rows a plan and all below it gave or threw away, in all of its loops."""
    own = sum(float(str(node.get(name, 0))) for name in ("Actual Rows", *_THROWN_AWAY))
    below = node.get("Plans", [])
    assert isinstance(below, list)
    return own * float(str(node.get("Actual Loops", 1))) + sum(map(_handled, below))


@contextmanager
def planned_database(cluster: Cluster) -> Iterator[Planned]:
    """Yield a migrated database that never analyses itself; drop it afterwards."""
    create_database(cluster.admin_url, _NAME, cluster.passwords)

    def address(role: str) -> str:
        return f"{cluster.url(role).rsplit('/', 1)[0]}/{_NAME}"

    admin = psycopg.connect(f"{cluster.admin_url.rsplit('/', 1)[0]}/{_NAME}", autocommit=True)
    upgrade("payments", address(MIGRATOR))
    for (table,) in admin.execute(_TABLES).fetchall():
        name = Identifier("payments", table)
        admin.execute(SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(name))
    for setting, value in _EXPLAIN.items():
        admin.execute(
            SQL("ALTER DATABASE {} SET {} = {}").format(
                Identifier(_NAME), SQL(setting), Literal(value)
            )
        )
    planned = Planned(
        address("payments"), admin, Database(make_engine(address("payments"), bulk=True))
    )

    @event.listens_for(planned.database.engine, "connect")
    def _listen(connection: Connection, _record: object) -> None:
        def keep(told: psycopg.errors.Diagnostic) -> None:
            words = told.message_primary or ""
            if "plan:\n" in words:
                planned.plans.append(words.partition("plan:\n")[2])

        connection.add_notice_handler(keep)

    try:
        yield planned
    finally:
        planned.database.engine.dispose()
        admin.close()
        with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(_NAME)))
