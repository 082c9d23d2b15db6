"""The bank's own durable truth: one SQLite file that nobody else writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from payments.bank.simulator import days

_SCHEMA = """
CREATE TABLE IF NOT EXISTS clock (day TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (
  sort_code TEXT, number TEXT, name TEXT NOT NULL, balance INTEGER NOT NULL,
  statements INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (sort_code, number));
CREATE TABLE IF NOT EXISTS submission (
  id TEXT PRIMARY KEY, user_number TEXT NOT NULL, serial TEXT NOT NULL, sha256 TEXT NOT NULL,
  content BLOB NOT NULL, status TEXT NOT NULL, reference TEXT NOT NULL, code TEXT NOT NULL,
  reason TEXT NOT NULL, received TEXT NOT NULL, processing TEXT, own_sort_code TEXT,
  own_account TEXT, stage TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS one_serial ON submission (user_number, serial)
  WHERE status = 'accepted';
CREATE TABLE IF NOT EXISTS item (
  submission TEXT, line INTEGER, sort_code TEXT NOT NULL, account TEXT NOT NULL,
  name TEXT NOT NULL, pence INTEGER NOT NULL, reference TEXT NOT NULL, status TEXT NOT NULL,
  code TEXT NOT NULL DEFAULT '', due TEXT, PRIMARY KEY (submission, line));
CREATE TABLE IF NOT EXISTS movement (
  id INTEGER PRIMARY KEY, sort_code TEXT NOT NULL, account TEXT NOT NULL, day TEXT NOT NULL,
  pence INTEGER NOT NULL, code TEXT NOT NULL, reference TEXT NOT NULL, batch TEXT NOT NULL,
  items INTEGER NOT NULL, other_sort_code TEXT NOT NULL, other_account TEXT NOT NULL,
  other_name TEXT NOT NULL, reason TEXT NOT NULL, statement TEXT);
CREATE TABLE IF NOT EXISTS report (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, day TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS statement (
  id TEXT PRIMARY KEY, sort_code TEXT NOT NULL, account TEXT NOT NULL, sequence INTEGER NOT NULL,
  day TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fault (kind TEXT NOT NULL, seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS outage (kind TEXT PRIMARY KEY);
CREATE INDEX IF NOT EXISTS item_status ON item (status, due);
CREATE INDEX IF NOT EXISTS item_reference ON item (reference);
"""
# What came later than the first tables; a bank that is older keeps its truth.
_LATER = (
    ("submission", "format", "TEXT NOT NULL DEFAULT 'standard18'"),
    ("submission", "rail", "TEXT NOT NULL DEFAULT 'bacs'"),
    ("submission", "items", "INTEGER NOT NULL DEFAULT 0"),
    ("submission", "pence", "INTEGER NOT NULL DEFAULT 0"),
    ("item", "end_to_end", "TEXT NOT NULL DEFAULT ''"),
    ("item", "applied_to", "TEXT NOT NULL DEFAULT ''"),
)
_LONDON = ZoneInfo("Europe/London")
OPENING_PENCE = 1_000_000_000


class Store:
    """The file, opened anew for each piece of work, so that a killed process leaves it whole."""

    def __init__(self, path: Path, first_day: date | None = None) -> None:
        self._path = path
        self.files = path.parent / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            for table, column, kind in _LATER:
                known = connection.execute(f"PRAGMA table_info({table})").fetchall()
                if column not in [row[1] for row in known]:
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
            connection.commit()
            if connection.execute("SELECT 1 FROM clock").fetchone() is None:
                first = first_day or datetime.now(UTC).astimezone(_LONDON).date()
                first = days.on_or_after(first)
                connection.execute("INSERT INTO clock VALUES (?)", (first.isoformat(),))
                connection.commit()

    @contextmanager
    def work(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction that is kept unless an exception passes."""
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def today(connection: sqlite3.Connection) -> date:
    """Return the bank's day."""
    return date.fromisoformat(connection.execute("SELECT day FROM clock").fetchone()["day"])


def open_account(connection: sqlite3.Connection, sort_code: str, number: str, name: str) -> None:
    """Open a customer's account with an ample balance; does nothing when it is there."""
    connection.execute(
        "INSERT INTO account (sort_code, number, name, balance) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (sort_code, number, name, OPENING_PENCE),
    )
