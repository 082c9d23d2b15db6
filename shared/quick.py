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
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow
from sqlalchemy import Engine, TextClause, event
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.orm import Session

# A process that is killed leaves its statement running, with all that it has locked: the server
# looks every two seconds whether anybody still waits for the answer.
CONNECTION_OPTIONS = (
    "-c lock_timeout=5000 -c statement_timeout=30000 -c timezone=UTC"
    " -c client_connection_check_interval=2s"
)
_PING_AFTER_SECONDS = 5.0
_WAIT_SECONDS = 10.0
_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_NUMBERED = PGDialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # as it comes


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


class _Connection:
    """A connection in autocommit with what it has prepared; speaks libpq without cursors."""

    def __init__(self, url: str) -> None:
        self.raw = psycopg.connect(
            url,
            autocommit=True,
            application_name="clachan-quick",
            connect_timeout=5,
            options=CONNECTION_OPTIONS,
        )
        self.used_at = 0.0
        self._prepared: dict[tuple[bytes, tuple[int, ...]], bytes] = {}

    def run(self, query: bytes, values: Sequence[object]) -> list[DictRow]:
        """Run a statement, prepared when it is seen for the first time with these types."""
        wire = self.raw.pgconn
        transformer = Transformer(self.raw)
        params = transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        types = transformer.types or ()
        name = self._prepared.get((query, types))
        if name is None:
            name = f"quick_{len(self._prepared)}".encode()
            self._check(wire.prepare(name, query, types))
            self._prepared[query, types] = name
        result = wire.exec_prepared(name, params)  # type: ignore[arg-type]  # None is NULL
        self._check(result)
        if not result.ntuples:
            return []
        transformer.set_pgresult(result)
        names = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
        rows: list[DictRow] = transformer.load_rows(
            0, result.ntuples, lambda row: dict(zip(names, row, strict=True))
        )
        return rows

    def _check(self, result: PGresult) -> None:
        if result.status not in _GOOD:
            if self.is_broken:
                raise psycopg.OperationalError("the connection to the database broke")
            raise error_from_result(result)

    @property
    def is_broken(self) -> bool:
        """Whether the server is gone."""
        return self.raw.pgconn.status != ConnStatus.OK


class Quick:
    """A few connections in autocommit beside an engine's own; closed when the engine is disposed.

    Refuses to wait longer than ten seconds for a free one.
    """

    def __init__(self, engine: Engine, size: int = 10) -> None:
        self._url = engine.url.set(drivername="postgresql")
        self._idle: deque[_Connection] = deque()
        self._free = threading.BoundedSemaphore(size)
        self._texts: dict[TextClause, tuple[bytes, tuple[str, ...]]] = {}
        event.listen(engine, "engine_disposed", self._close)

    def execute(self, statement: TextClause, params: Mapping[str, Any], /) -> QuickRows:
        """Run one statement, which is committed when this returns.

        Raises:
            psycopg.Error: what the database refused; a broken connection is thrown away.
        """
        query, names = self._texts.get(statement) or self._compile(statement)
        values = [params[name] for name in names]
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise psycopg.OperationalError("no connection became free in time")
        try:
            connection = self._take()
            try:
                return QuickRows(connection.run(query, values))
            finally:
                if connection.is_broken:
                    connection.raw.close()
                else:
                    connection.used_at = time.monotonic()
                    self._idle.append(connection)
        finally:
            self._free.release()

    def _compile(self, statement: TextClause) -> tuple[bytes, tuple[str, ...]]:
        """Return the statement with numbered places, each name having one, and their order."""
        compiled = statement.compile(dialect=_NUMBERED)
        names = tuple(getattr(compiled, "positiontup", None) or ())
        found = self._texts[statement] = (str(compiled).encode(), names)
        return found

    def _take(self) -> _Connection:
        """Return a connection; one that lay idle for a while is asked whether it still lives."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if time.monotonic() - connection.used_at < _PING_AFTER_SECONDS:
                return connection
            connection.raw.pgconn.exec_(b"")
            if not connection.is_broken:
                return connection
            connection.raw.close()
        return _Connection(self._url.render_as_string(hide_password=False))

    def _close(self, _engine: Engine) -> None:
        while self._idle:
            self._idle.pop().raw.close()


# What runs a statement: a session within its transaction, or `Quick` at once.
Executor = Session | Quick
