"""A body, its account, its run and the simulated bank, joined without sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import httpx
import uvicorn

from payments.bank import tasks
from payments.bank.actions import NewBankAccount, open_bank_account
from payments.bank.providers.https_bank import HttpsBank
from payments.bank.simulator import make_app
from payments.bank.submissions import begin_submission
from payments.payees.bank_details import DetailsVault
from shared.crypto import Sealer
from shared.db import Database
from shared.outbox import Job
from shared.settings import ServiceSettings
from tests.payments.bank.sending import seal_submission, write_parts
from tests.payments.bank.written import BODY, DAY, GOOD, NOW, Payee, write_run

__all__ = ["BODY", "DAY", "GOOD", "NOW", "BankDay", "make_day", "running_bank"]

SECRET = "a secret only for tests, long enough"

CLOSED = ("201918", "55555555")
UNKNOWN = ("201918", "10000099")
REJECTED = ("201918", "66666666")
MOVED = ("201918", "88888888")
ACCOUNTS = """
- {sort_code: "201918", account_number: "55555555", name: Closed Account, flags: {closed: true}}
- {sort_code: "201918", account_number: "66666666", name: X, flags: {reject_on_input: true}}
- {sort_code: "201918", account_number: "88888888", flags: {applied_to: "20191987654321"}}
- {sort_code: "201918", account_number: "77777777", name: Y, flags: {closed: true, return_days: 1}}
"""


class OtherBytes:
    """What nobody has handed over."""

    size, sha256, payment_count, total_pence, suffix = 5, "00", 1, 700, "txt"

    def chunks(self) -> Iterator[bytes]:
        yield b"other"


@dataclass
class BankDay:
    """Everything a test needs to play a day at the bank."""

    database: Database
    http: httpx.Client
    bank: HttpsBank
    vault: DetailsVault
    key_file: Path
    account: UUID

    def run(self, *payments: tuple[tuple[str, str], int]) -> tuple[UUID, UUID, list[UUID]]:
        """Approve and prepare a run; returns run, submission and payments."""
        payees = [Payee(where, pence, name="A PAYEE") for where, pence in payments]
        with self.database.transaction() as session:
            run_id, ids = write_run(session, self.vault, self.account, payees)
            submission = begin_submission(session, run_id, NOW)
        write_parts(self.database, self.vault, submission)
        seal_submission(self.database, self.vault, submission)
        return run_id, submission, ids

    def job(self, submission: UUID) -> Job:
        settings = SimpleNamespace(encryption_key_file=self.key_file, secret_key=SECRET)
        job = Job(
            0,
            "test",
            {"submission_id": str(submission)},
            1,
            self.database,
            cast("ServiceSettings", settings),
        )
        # The outbox row is not what these tests are about.
        job.finish = lambda _session: setattr(job, "finished", True)  # type: ignore[method-assign,assignment]  # a stand-in
        return job

    def hand_over(self, submission: UUID) -> None:
        tasks.hand_over(self.job(submission), self.bank)

    def fetch_reports(self) -> int:
        return tasks.fetch_reports(self.database, self.bank, self.vault, lambda: NOW)

    def next_day(self) -> str:
        return self.bank.advance_day()

    def fault(self, kind: str, **more: object) -> None:
        self.http.post("/admin/faults", json={"kind": kind, **more}).raise_for_status()


@contextmanager
def running_bank(folder: Path) -> Iterator[httpx.Client]:
    """Serve a simulated bank that begins on the tests' day, on a port of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "accounts.yaml"
    listed.write_text(ACCOUNTS)
    app = make_app(folder / "bank", listed, DAY)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    socket = server.config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=2) as http:
            yield http
    finally:
        server.should_exit = True
        thread.join(5)
        socket.close()


def make_day(database: Database, http: httpx.Client, key_file: Path) -> BankDay:
    """Open the body's account, and join it with a running bank."""
    vault = DetailsVault(Sealer(key_file), SECRET)
    with database.transaction() as session:
        account = open_bank_account(
            session,
            NewBankAccount(BODY, "main", "Strathclachan", "802260", "00112233", "123456"),
        )
    return BankDay(database, http, HttpsBank(http), vault, key_file, account)
