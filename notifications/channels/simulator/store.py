"""What the simulated mail server keeps: emails and the fault it is asked to play."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Fault = Literal["none", "refuse", "temporary", "drop", "slow"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL,
  raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS fault (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  kind TEXT NOT NULL,
  times INTEGER NOT NULL
);
INSERT OR IGNORE INTO fault VALUES (1, 'none', 0);
"""


@dataclass(frozen=True)
class Mail:
    """One email as it arrived."""

    id: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True)
class Playing:
    """The fault in force and for how many more emails; 0 times means until it is changed."""

    kind: Fault
    times: int


class Store:
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

    def add(self, sender: str, recipients: Sequence[str], raw: bytes) -> int:
        """Keep an email and return its number."""
        with self._connect() as connection:
            cursor = connection.execute(
                "INSERT INTO mail (received_at, sender, recipients, raw) VALUES (?, ?, ?, ?)",
                (datetime.now(UTC).isoformat(), sender, "\n".join(recipients), raw),
            )
            return int(cursor.lastrowid or 0)

    def find(self, *, to: str = "", limit: int = 50) -> list[Mail]:
        """Return emails, newest first, to addresses that hold the text given."""
        pattern = to.strip().lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT id, received_at, sender, recipients, raw FROM mail"
                " WHERE lower(recipients) LIKE ? ESCAPE '\\' ORDER BY id DESC LIMIT ?",
                (f"%{pattern}%", limit),
            ).fetchall()
        return [_mail(row) for row in rows]

    def get(self, mail_id: int) -> Mail | None:
        """Return one email."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT id, received_at, sender, recipients, raw FROM mail WHERE id = ?",
                (mail_id,),
            ).fetchone()
        return None if row is None else _mail(row)

    def clear(self) -> None:
        """Throw every email away."""
        with self._connect() as connection:
            connection.execute("DELETE FROM mail")

    def playing(self) -> Playing:
        """Return the fault in force."""
        with self._connect() as connection:
            kind, times = connection.execute("SELECT kind, times FROM fault").fetchone()
        return Playing(kind, times)

    def play(self, playing: Playing) -> None:
        """Set the fault for the emails to come."""
        with self._connect() as connection:
            connection.execute(
                "UPDATE fault SET kind = ?, times = ?", (playing.kind, playing.times)
            )

    def take_fault(self) -> Fault:
        """Return the fault for the next email and count it down."""
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            kind, times = connection.execute("SELECT kind, times FROM fault").fetchone()
            if times == 1:
                connection.execute("UPDATE fault SET kind = 'none', times = 0")
            elif times > 1:
                connection.execute("UPDATE fault SET times = times - 1")
        fault: Fault = kind
        return fault


def _mail(row: tuple[int, str, str, str, bytes]) -> Mail:
    number, received_at, sender, recipients, raw = row
    return Mail(
        number, datetime.fromisoformat(received_at), sender, tuple(recipients.split("\n")), raw
    )
