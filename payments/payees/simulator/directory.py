"""The simulated bank's accounts, kept in a SQLite file so that a restart forgets nothing."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from payments.payees.simulator.faults import Fault


class Flags(BaseModel):
    """Ways in which an account is special, and faults to play."""

    model_config = ConfigDict(extra="forbid")

    opted_out: bool = False
    switched: bool = False
    type_not_supported: bool = False
    unknown_sort_code: bool = False
    timeout: bool = False
    latency_ms: int = Field(0, ge=0, le=60_000)
    error_status: int = Field(0, ge=0, le=599)
    # What the bank does with a payment; listed here only, a closed account still has a holder.
    closed: bool = False
    deceased: bool = False
    transferred: bool = False
    invalid: bool = False
    unknown: bool = False
    reject_on_input: bool = False
    applied_to: str = Field("", pattern=r"^(\d{14})?$")


class Account(BaseModel):
    """One account and who holds it."""

    model_config = ConfigDict(extra="forbid")

    sort_code: str = Field(pattern=r"^\d{6}$")
    account_number: str = Field(pattern=r"^\d{8}$")
    type: Literal["personal", "business"]
    holders: list[str] = Field(min_length=1, max_length=4)
    secondary: str = ""
    shows_name: bool = True
    flags: Flags = Field(default_factory=Flags)


class Directory:
    """All accounts of the simulated bank."""

    def __init__(self, file: Path, accounts_file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        with self._connect() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS account (identification TEXT PRIMARY KEY, body TEXT)"
            )
            connection.execute(
                "CREATE TABLE IF NOT EXISTS fault (id INTEGER PRIMARY KEY, body TEXT, rest INTEGER)"
            )
            connection.execute(
                "CREATE TABLE IF NOT EXISTS asked (interaction TEXT PRIMARY KEY, times INTEGER)"
            )
        if accounts_file.is_file():
            self._seed(accounts_file)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=10)) as connection, connection:
            yield connection

    def _seed(self, accounts_file: Path) -> None:
        """Add the accounts of the file that are not there yet; changed ones stay as they are."""
        content = yaml.safe_load(accounts_file.read_text())
        accounts = [Account.model_validate(entry) for entry in content["accounts"]]
        with self._connect() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO account VALUES (?, ?)",
                [(a.sort_code + a.account_number, a.model_dump_json()) for a in accounts],
            )

    def put(self, account: Account) -> None:
        """Add an account or replace the one with the same number."""
        with self._connect() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO account VALUES (?, ?)",
                (account.sort_code + account.account_number, account.model_dump_json()),
            )

    def remove(self, identification: str) -> None:
        """Remove an account, if it is there."""
        with self._connect() as connection:
            connection.execute("DELETE FROM account WHERE identification = ?", (identification,))

    def order_fault(self, fault: Fault) -> None:
        """Play this fault from now on, for its number of questions."""
        with self._connect() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO fault VALUES (1, ?, ?)",
                (fault.model_dump_json(), fault.questions),
            )

    def next_fault(self, interaction: str) -> Fault:
        """Return the fault for this question, which is counted; one with a number wears off."""
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO asked VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
                (interaction,),
            )
            row = connection.execute("SELECT body, rest FROM fault WHERE id = 1").fetchone()
            if row is None:
                return Fault()
            fault = Fault.model_validate_json(row[0])
            if fault.questions and row[1] <= 1:
                connection.execute("DELETE FROM fault")
            elif fault.questions:
                connection.execute("UPDATE fault SET rest = rest - 1")
            return fault

    def current_fault(self) -> Fault:
        """Return the fault that is being played."""
        with self._connect() as connection:
            row = connection.execute("SELECT body FROM fault WHERE id = 1").fetchone()
        return Fault() if row is None else Fault.model_validate_json(row[0])

    def count_asked(self) -> dict[str, int]:
        """Return how many questions came, and how many came more than once."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(times), 0), coalesce(sum(times > 1), 0) FROM asked"
            ).fetchone()
        return {"questions": row[0], "requests": row[1], "repeated": row[2]}

    def find(self, identification: str) -> Account | None:
        """Return the account of fourteen digits, None when the bank has none."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT body FROM account WHERE identification = ?", (identification,)
            ).fetchone()
        return None if row is None else Account.model_validate(json.loads(row[0]))

    def holds_sort_code(self, sort_code: str) -> bool:
        """Tell whether any account of the bank has this sort code."""
        with self._connect() as connection:
            row = connection.execute(
                "SELECT 1 FROM account WHERE substr(identification, 1, 6) = ? LIMIT 1",
                (sort_code,),
            ).fetchone()
        return row is not None

    def list_all(self) -> list[Account]:
        """Return every account in order of its number."""
        with self._connect() as connection:
            rows = connection.execute("SELECT body FROM account ORDER BY identification")
            return [Account.model_validate(json.loads(row[0])) for row in rows]
