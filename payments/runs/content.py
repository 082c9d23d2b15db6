"""What an approval signs: the hash of a run over the hashes of its payments.

The hash of a payment (``payments.bank.submissions.rules``) is stored when its run is put forward,
so an approval compares stored hashes and opens no sealed details; who writes the bank's file opens
them anyway and compares again.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SignedRun:
    """What an approval signs of a run besides its payments."""

    organisation: str
    programme: str
    run_date: date
    originating_sort_code: str
    originating_account_number: str
    rail: str = "bacs"
    entry_on: date | None = None


class RunHash:
    """Makes the SHA-256 over a run's facts and the hashes of its payments in order of their ids.

    Only the hash's own state is held, so a run may have any number of payments.
    """

    def __init__(self, run: SignedRun) -> None:
        entry_on = None if run.entry_on is None else run.entry_on.isoformat()
        facts = {**run.__dict__, "run_date": run.run_date.isoformat(), "entry_on": entry_on}
        self._hash = hashlib.sha256(_canonical(facts) + b"\n")

    def add(self, hashes: bytes) -> None:
        """Add the hashes of the next payments, one after the other without a separator."""
        self._hash.update(hashes)

    def digest(self) -> bytes:
        """Return the hash of all that was added."""
        return self._hash.digest()


def _canonical(content: dict[str, object]) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
