"""A run on its whole way: approved here, handed over, reported, returned and reconciled."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy import select, text

from payments.bank import simulator
from payments.bank import tasks as bank_tasks
from payments.reconciliation import tasks as reconciliation_tasks
from payments.reconciliation.importing import fetching
from payments.runs import tasks as runs_tasks
from payments.runs.actions.approve import approve, put_forward
from payments.runs.actions.create import PayeeOrder, create_payment
from payments.runs.models import payment
from payments.settings import PaymentsSettings
from shared import clock, outbox
from shared.db import Database
from tests.payments.runs.console import make_settings
from tests.payments.runs.world import ALAN, GATEWAY, UNA, World

HANDLERS = (bank_tasks, reconciliation_tasks, runs_tasks)


@contextmanager
def _serve_bank(state: Path) -> Iterator[str]:
    config = uvicorn.Config(simulator.make_app(state), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class _Gateway:
    """Keeps what the gateway is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def send_event(
        self, *, event_id: str, event_type: str, occurred_at: str, data: dict[str, object]
    ) -> None:
        assert UUID(event_id)
        assert occurred_at.endswith("Z")
        self.events.append((str(data["case_reference"]), event_type))


def _work(database: Database, settings: PaymentsSettings) -> None:
    """Do what the worker does until nothing is due."""
    due = text(
        "SELECT id, topic FROM outbox WHERE done_at IS NULL AND due_at <= clock_timestamp()"
        " ORDER BY id"
    )
    for _ in range(20):
        with database.transaction() as session:
            rows = session.execute(due).all()
        if not rows:
            return
        for row in rows:
            outbox.run(database, settings, row.id, row.topic)
    raise AssertionError("work never ends")


@pytest.mark.committed
def test_from_approval_to_a_returned_payment(
    database: Database,
    world: World,
    payments_url: str,
    key_file: Path,
    private_key: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = _Gateway()
    monkeypatch.setattr(runs_tasks, "_gateway", lambda: gateway)
    with _serve_bank(tmp_path) as bank_url:
        settings = make_settings(payments_url, key_file, private_key, bank_url=bank_url)
        now = clock.now()
        with database.transaction() as session:
            made = []
            for number, account in ((1, "10000012"), (2, "10000099")):
                payee = PayeeOrder("Morag Fictional", "personal", "99-00-01", account)
                check = world.check(session, payee, answered_at=now)
                order = world.order(session, payee=payee, check_id=check)
                made.append(create_payment(session, world.desk, order, f"s-{number}", GATEWAY, now))
            run_id = UUID(made[0].run_id)
            put_forward(session, world.desk.vault, run_id, UNA, now)
            digest = world.run_hash(session, run_id)
            approve(session, run_id, digest, ALAN, now)
        _work(database, settings)
        bank, vault = bank_tasks.bank_of(settings), bank_tasks.vault_of(settings)
        for _ in range(8):
            bank.advance_day()
            bank_tasks.fetch_reports(database, bank, vault, clock.now)
            fetching.fetch_statements(database, bank, vault, clock.now)
            _work(database, settings)
    with database.transaction() as session:
        rows = session.execute(
            select(payment.c.state, payment.c.reason_code, payment.c.reason).order_by(payment.c.id)
        ).all()
        assert [row.state for row in rows] == ["paid", "returned"]
        assert rows[1].reason
        assert world.run_state(session, run_id) == "closed"
        submission = session.execute(text("SELECT state, settled_pence FROM submission")).one()
        assert tuple(submission) == ("settled", 60000)
        dead = session.execute(text("SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL"))
        assert dead.scalar_one() == 0
    told = [event for case, event in gateway.events if case == "SWH-0002"]
    assert told[:2] == ["payments.payment.approved", "payments.payment.sent"]
    assert told.count("payments.payment.returned") == 1
