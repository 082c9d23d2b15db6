"""Single statements on the hot paths: one round trip, each a transaction of its own.

A request that needs one statement pays with a :class:`sqlalchemy.orm.Session` for four round trips
(a ping, BEGIN, the statement, COMMIT) and for an object of each. Here the statement goes over a
connection in autocommit, prepared once. Use it only where a single statement is the whole of what
is written; everything else belongs into ``Database.transaction()``. See decision 0006.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from sqlalchemy import Engine, TextClause, event
from sqlalchemy.orm import Session

CONNECTION_OPTIONS = "-c lock_timeout=5000 -c statement_timeout=30000 -c timezone=UTC"
_PING_AFTER_SECONDS = 5.0
_WAIT_SECONDS = 10.0


class QuickRows:
    """The rows of a statement that has run."""

    def __init__(self, rows: Sequence[DictRow]) -> None:
        self._rows = rows

    def mappings(self) -> "QuickRows":
        """Return the rows as mappings, which they are."""
        return self

    def one(self) -> DictRow:
        """Return the one row; refuses any other number."""
        (row,) = self._rows
        return row

    def one_or_none(self) -> DictRow | None:
        """Return the one row, None where there is none; refuses several."""
        return self.one() if self._rows else None

    def scalar_one(self) -> Any:
        """Return the one value of the one row."""
        (value,) = self.one().values()
        return value


class Quick:
    """A few connections in autocommit beside an engine's own; closed when the engine is disposed.

    Refuses to wait longer than ten seconds for a free one.
    """

    def __init__(self, engine: Engine, size: int = 10) -> None:
        self._engine = engine
        self._idle: deque[tuple[float, psycopg.Connection[DictRow]]] = deque()
        self._free = threading.BoundedSemaphore(size)
        self._texts: dict[TextClause, str] = {}
        event.listen(engine, "engine_disposed", self._close)

    def execute(self, statement: TextClause, params: Mapping[str, Any], /) -> QuickRows:
        """Run one statement, which is committed when this returns.

        Raises:
            psycopg.Error: what the database refused; a broken connection is thrown away.
        """
        query = self._texts.get(statement)
        if query is None:
            query = self._texts[statement] = str(statement.compile(dialect=self._engine.dialect))
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise psycopg.OperationalError("no connection became free in time")
        try:
            connection = self._take()
            try:
                cursor = connection.execute(query.encode(), params)
                rows = cursor.fetchall() if cursor.description else []
            except psycopg.Error:
                if connection.closed:
                    raise
                self._idle.append((time.monotonic(), connection))
                raise
            self._idle.append((time.monotonic(), connection))
        finally:
            self._free.release()
        return QuickRows(rows)

    def _take(self) -> psycopg.Connection[DictRow]:
        """Return a connection; one that lay idle for a while is asked whether it still lives."""
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:
                break
            if time.monotonic() - since < _PING_AFTER_SECONDS:
                return connection
            try:
                connection.execute("SELECT")
            except psycopg.OperationalError:
                connection.close()
                continue
            return connection
        return self._connect()

    def _connect(self) -> psycopg.Connection[DictRow]:
        url = self._engine.url.set(drivername="postgresql")
        return psycopg.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            prepare_threshold=0,
            row_factory=dict_row,
            application_name="clachan-quick",
            connect_timeout=5,
            options=CONNECTION_OPTIONS,
        )

    def _close(self, _engine: Engine) -> None:
        while self._idle:
            self._idle.pop()[1].close()


# What runs a statement: a session within its transaction, or `Quick` at once.
Executor = Session | Quick
