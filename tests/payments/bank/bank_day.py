"""A body, its account, its run and the simulated bank, joined without sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import httpx
import uvicorn

from payments.bank import tasks
from payments.bank.actions import (
    NewBankAccount,
    PaymentInstruction,
    open_bank_account,
    prepare_submission,
)
from payments.bank.providers.https_bank import HttpsBank
from payments.bank.simulator import make_app
from payments.ledger import accounting
from payments.payees.bank_details import DetailsVault
from shared.crypto import Sealer
from shared.db import Database
from shared.ids import new_id
from shared.outbox import Job
from shared.settings import ServiceSettings

BODY = "strathclachan"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
SECRET = "a secret only for tests, long enough"

GOOD = ("201918", "12345678")
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
        run_id, ids = new_id(), [new_id() for _ in payments]
        instructions = [
            PaymentInstruction(one, *where, "A PAYEE", pence, f"REF-{number:04d}")
            for number, (one, (where, pence)) in enumerate(zip(ids, payments, strict=True))
        ]
        items = [(one.payment_id, one.amount_pence) for one in instructions]
        plan = accounting.ApprovedRun(run_id, 1, "main", DAY, items)
        with self.database.transaction() as session:
            accounting.post_run_approved(session, BODY, plan, DAY)
            submission = prepare_submission(
                session,
                run_id,
                BODY,
                self.account,
                date(2026, 11, 24),
                instructions,
                vault=self.vault,
                now=NOW,
            )
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
        job.finish = lambda _session: setattr(job, "finished", True)  # type: ignore[method-assign]
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
