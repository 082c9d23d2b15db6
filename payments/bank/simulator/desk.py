"""The bank's counter, whichever door a file comes through: one truth, the same faults."""

import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from payments.bank.simulator import clearing
from payments.bank.simulator.store import Store

# How the bank misbehaves when a file comes; beside these it can return credits late.
ON_SUBMISSION = (
    "accept_then_drop",
    "refuse",
    "slow",
    "time_out_before",
    "duplicate_ack",
    "ack_before_commit",
    "ack_unknown_id",
    "report_total_differs",
)
FAULT_TEXTS = {
    "accept_then_drop": "take the file, then lose the answer",
    "refuse": "refuse the file",
    "slow": "answer late",
    "time_out_before": "lose the file before it is taken",
    "duplicate_ack": "take the file, then call it a duplicate",
    "ack_before_commit": "acknowledge the file and forget it",
    "ack_unknown_id": "acknowledge under another id",
    "report_total_differs": "report other totals than the file's",
    "late_return": "return credits two days late",
}

_CLOSED = "the bank takes no files now"
_DUPLICATE = "this file is here already"


@dataclass(frozen=True)
class Answer:
    """What the bank says of a file, or that the line went dead."""

    status: int
    body: dict[str, object]
    is_dropped: bool = False

    @property
    def json(self) -> bytes:
        """The answer as bytes."""
        return json.dumps(self.body).encode()


class Desk:
    """Takes files and moves days."""

    def __init__(self, store: Store, accounts: Path | None) -> None:
        self.store = store
        self.accounts = accounts

    def is_away(self) -> bool:
        """Tell whether the bank is closed to its customers."""
        with self.store.work() as connection:
            return connection.execute("SELECT 1 FROM outage").fetchone() is not None

    def set_away(self, *, away: bool) -> None:
        """Close the bank to its customers, or open it again."""
        with self.store.work() as connection:
            connection.execute("DELETE FROM outage")
            if away:
                connection.execute("INSERT INTO outage VALUES ('away')")

    def order_fault(self, kind: str, times: int, seconds: float = 0.0) -> None:
        """Have the bank misbehave at the next occasions."""
        with self.store.work() as connection:
            connection.executemany("INSERT INTO fault VALUES (?, ?)", [(kind, seconds)] * times)

    def submit(self, identification: str, path: Path, sha256: str, rail: str = "") -> Answer:
        """Take a file in, unless a fault was ordered, and answer as the bank does.

        ``rail`` is named where the file itself does not tell Faster Payments from Bacs.
        """
        fault = self._next_fault(ON_SUBMISSION)
        kind = "" if fault is None else str(fault["kind"])
        if fault is not None:
            time.sleep(fault["seconds"])
        told: dict[str, object] = {"submission_id": identification, "sha256": sha256}
        early = {
            "refuse": Answer(422, {"status": "refused", "code": "CLOSED", "reason": _CLOSED}),
            "time_out_before": Answer(202, {}, is_dropped=True),
            "ack_before_commit": Answer(202, told | {"status": "accepted", "reference": "ACKLOST"}),
        }
        if kind in early:
            return early[kind]
        faults = frozenset({kind}) if kind else frozenset()
        with self.store.work() as connection:
            row = clearing.receive(
                connection, identification, path, sha256, self.accounts, faults, rail
            )
        answer = answer_of(row)
        late = {
            "accept_then_drop": Answer(202, {}, is_dropped=True),
            "duplicate_ack": Answer(
                422, told | {"status": "refused", "code": "DUPLICATE", "reason": _DUPLICATE}
            ),
            "ack_unknown_id": Answer(
                answer.status, answer.body | {"submission_id": "somebody-else"}
            ),
        }
        return late.get(kind, answer)

    def ask(self, identification: str) -> Answer | None:
        """Tell what became of a file, None for one that never came."""
        with self.store.work() as connection:
            row = clearing.find(connection, identification)
        return None if row is None else answer_of(row)

    def advance(self) -> date:
        """Move to the next working day."""
        with self.store.work() as connection:
            return clearing.advance(connection, self.accounts)

    def _next_fault(self, kinds: tuple[str, ...]) -> sqlite3.Row | None:
        with self.store.work() as connection:
            row: sqlite3.Row | None = connection.execute(
                "DELETE FROM fault WHERE rowid = (SELECT min(rowid) FROM fault"
                " WHERE kind IN (SELECT value FROM json_each(?))) RETURNING *",
                (json.dumps(kinds),),
            ).fetchone()
        return row


def answer_of(row: sqlite3.Row) -> Answer:
    """Return what the bank says of a file that it knows."""
    known = {"submission_id": row["id"], "sha256": row["sha256"], "status": row["status"]}
    if row["status"] == "refused":
        return Answer(422, known | {"code": row["code"], "reason": row["reason"]})
    counted = {"reference": row["reference"]}
    # A file that came before the bank counted what it takes has no figures.
    if row["items"]:
        counted |= {"count": row["items"], "pence": row["pence"]}
    return Answer(202, known | counted)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
