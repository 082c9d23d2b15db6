"""What the simulated telephone network keeps: texts, calls, receipts, the fault it plays."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

TEXTS_FILE = "texts.sqlite"
TextFault = Literal["none", "refuse", "later", "missed", "unreachable"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spoken (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at TEXT NOT NULL,
  channel TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  words TEXT NOT NULL,
  status TEXT NOT NULL,
  key TEXT UNIQUE,
  told INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS text_fault (id INTEGER PRIMARY KEY CHECK (id = 1), kind TEXT NOT NULL);
INSERT OR IGNORE INTO text_fault VALUES (1, 'none');
"""
_COLUMNS = "id, received_at, channel, sender, recipient, words, status"


@dataclass(frozen=True)
class SpokenMessage:
    """One text or call as it arrived; ``status`` is what became of it."""

    id: int
    received_at: datetime
    channel: str
    sender: str
    recipient: str
    words: str
    status: str


class TextStore:
    """A SQLite file; every call is its own connection, so threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connect() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def add(
        self, channel: str, sender: str, recipient: str, words: str, *, status: str, key: str | None
    ) -> int:
        """Keep a text or call and return its number; the same key again returns the first."""
        at = datetime.now(UTC).isoformat()
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO spoken (received_at, channel, sender, recipient, words, status, key)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING id",
                (at, channel, sender, recipient, words, status, key),
            )
            row = (
                cursor.fetchone()
                or connection.execute("SELECT id FROM spoken WHERE key = ?", (key,)).fetchone()
            )
        return int(row[0])

    def find(self, *, to: str = "", limit: int = 50) -> list[SpokenMessage]:
        """Return texts and calls, newest first, to numbers that hold the digits given."""
        digits = "".join(sign for sign in to if sign.isdigit())
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM spoken WHERE recipient LIKE ? ORDER BY id DESC LIMIT ?",
                (f"%{digits}%", limit),
            ).fetchall()
        return [_spoken(row) for row in rows]

    def get(self, number: int) -> SpokenMessage | None:
        """Return one text or call."""
        with self._connect() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM spoken WHERE id = ?",
                (number,),
            ).fetchone()
        return None if row is None else _spoken(row)

    def untold(self) -> list[SpokenMessage]:
        """Return the texts whose sender has not taken the delivery receipt."""
        with self._connect() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM spoken"
                " WHERE channel = 'sms' AND told = 0 ORDER BY id LIMIT 200"
            ).fetchall()
        return [_spoken(row) for row in rows]

    def mark_told(self, number: int) -> None:
        """Note that the sender took the receipt."""
        with self._connect() as connection:
            connection.execute("UPDATE spoken SET told = 1 WHERE id = ?", (number,))

    def clear(self) -> None:
        """Throw every text and call away."""
        with self._connect() as connection:
            connection.execute("DELETE FROM spoken")

    def fault(self) -> TextFault:
        """Return the fault in force."""
        with self._connect() as connection:
            kind: TextFault = connection.execute("SELECT kind FROM text_fault").fetchone()[0]
        return kind

    def play(self, kind: TextFault) -> None:
        """Set the fault for the texts and calls to come, until it is changed."""
        with self._connect() as connection:
            connection.execute("UPDATE text_fault SET kind = ?", (kind,))


def _spoken(row: tuple[int, str, str, str, str, str, str]) -> SpokenMessage:
    number, received_at, *rest = row
    return SpokenMessage(number, datetime.fromisoformat(received_at), *rest)
