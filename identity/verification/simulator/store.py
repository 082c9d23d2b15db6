"""The simulated company's checks, kept in a SQLite file so that a restart forgets nothing."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

_SCHEMA = """
CREATE TABLE IF NOT EXISTS check_asked (
  id TEXT PRIMARY KEY, idempotency_key TEXT UNIQUE, person TEXT NOT NULL, document TEXT NOT NULL,
  return_url TEXT NOT NULL, persona TEXT, captured_at REAL, created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS signing_key (id INTEGER PRIMARY KEY CHECK (id = 1), jwk TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Check:
    """One check that somebody ordered."""

    id: str
    person: dict[str, object]
    document: str
    return_url: str
    persona: str
    captured_at: float


class Store:
    """Checks and the signing key of the company."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._open() as db:
            db.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as db, db:
            db.row_factory = sqlite3.Row
            yield db

    def add(self, key: str, person: dict[str, object], document: str, return_url: str) -> str:
        """Add a check and return its id; the same key again returns the first one's."""
        with self._open() as db:
            db.execute(
                "INSERT INTO check_asked (id, idempotency_key, person, document, return_url,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                (
                    secrets.token_hex(16),
                    key or None,
                    json.dumps(person),
                    document,
                    return_url,
                    time.time(),
                ),
            )
            row = db.execute(
                "SELECT id FROM check_asked WHERE idempotency_key IS ?"
                " ORDER BY created_at DESC, rowid DESC LIMIT 1",
                (key or None,),
            ).fetchone()
        return str(row["id"])

    def find(self, check_id: str) -> Check | None:
        """Return a check, None when there is none of that id."""
        with self._open() as db:
            row = db.execute("SELECT * FROM check_asked WHERE id = ?", (check_id,)).fetchone()
        if row is None:
            return None
        return Check(
            id=row["id"],
            person=json.loads(row["person"]),
            document=row["document"],
            return_url=row["return_url"],
            persona=row["persona"] or "",
            captured_at=row["captured_at"] or 0.0,
        )

    def capture(self, check_id: str, document: str, persona: str) -> None:
        """Note what the person chose; the first choice stays."""
        with self._open() as db:
            db.execute(
                "UPDATE check_asked SET document = ?, persona = ?, captured_at = ?"
                " WHERE id = ? AND persona IS NULL",
                (document, persona, time.time(), check_id),
            )

    def signing_key(self) -> ECKey:
        """Return the key that signs results, made at the first use."""
        fresh = ECKey.generate_key("P-256")
        with self._open() as db:
            db.execute(
                "INSERT INTO signing_key (id, jwk) VALUES (1, ?) ON CONFLICT (id) DO NOTHING",
                (json.dumps(fresh.as_dict(private=True)),),
            )
            row = db.execute("SELECT jwk FROM signing_key WHERE id = 1").fetchone()
        return ECKey.import_key(json.loads(row["jwk"]))
