"""The worker's part: batches are judged and paid, callbacks sent, vouchers looked after."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from payments.govstack import tasks
from payments.payees.bank_details import DetailsVault
from payments.settings import PaymentsSettings
from payments.vouchers import tasks as voucher_tasks
from payments.vouchers.actions.redeem import redeem
from shared import clock, outbox
from shared.db import Database
from tests.payments.govstack.calls import BODY, batch, registration
from tests.payments.runs.console import make_settings
from tests.payments.runs.world import GATEWAY
from tests.payments.vouchers.shop import open_shop

WORK, CALL_BACK = "payments.govstack.work", "payments.govstack.call_back"


@pytest.fixture
def settings(payments_url: str, key_file: Path, tmp_path: Path) -> PaymentsSettings:
    return make_settings(payments_url, key_file, tmp_path / "none").model_copy(
        update={"private_key_file": None}
    )


def _run(database: Database, settings: PaymentsSettings, topic: str) -> list[bool]:
    """Do all that waits of a topic, each twice: the second time there is nothing to do."""
    assert topic in outbox.topics()
    with database.transaction() as session:
        ids = session.execute(
            text("SELECT id FROM outbox WHERE topic = :topic AND done_at IS NULL ORDER BY id"),
            {"topic": topic},
        ).scalars()
        waiting = list(ids)
    return [outbox.run(database, settings, one, topic) for one in waiting for _ in range(2)]


def test_a_batch_is_worked_on_and_its_caller_told(
    door: TestClient,
    sandbox: Database,
    settings: PaymentsSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = {"X-Callback-URL": "https://source.example/callback", "X-CorrelationID": "story"}
    door.post("register-beneficiary", json=registration())
    door.post("bulk-payment", json=batch(), headers=headers)
    assert _run(sandbox, settings, WORK) == [True, False]
    with sandbox.transaction() as session:
        row = session.execute(text("SELECT * FROM govstack_callback")).one()
        assert session.execute(text("SELECT state FROM govstack_batch")).scalar_one() == "in_run"
    assert (row.state, row.url) == ("waiting", headers["X-Callback-URL"])
    assert row.correlation_header == "story"
    assert row.body == {
        "RequestID": "request-0002",
        "BatchID": "batch-000001",
        "NumberFailedCases": 0,
        "FailedCases": [],
    }
    answers = iter(["cannot be reached: ConnectError", ""])
    monkeypatch.setattr(tasks, "send", lambda *_: next(answers))
    assert _run(sandbox, settings, CALL_BACK) == [True, False]
    with sandbox.transaction() as session:
        session.execute(text("UPDATE outbox SET due_at = now() WHERE done_at IS NULL"))
    assert _run(sandbox, settings, CALL_BACK) == [True, False]
    with sandbox.transaction() as session:
        row = session.execute(text("SELECT state, attempts FROM govstack_callback")).one()
    assert tuple(row) == ("delivered", 2)


def test_the_hours_work_ends_vouchers_and_pays_merchants(
    sandbox: Database, settings: PaymentsSettings, govstack_vault: DetailsVault
) -> None:
    now = clock.now()
    with sandbox.transaction() as session:
        shop = open_shop(session, govstack_vault)
        used = shop.make(session, 1500, now)
        redeem(session, govstack_vault, shop.use(used.number), GATEWAY, now)
        old = shop.make(session, 700, now)
        session.execute(
            text("UPDATE voucher SET expires_at = :then WHERE serial = :serial"),
            {"then": now - timedelta(seconds=1), "serial": old.serial},
        )
        voucher_tasks.plan(session, now)
        voucher_tasks.plan(session, now)
        session.execute(text("UPDATE outbox SET due_at = now()"))
    assert _run(sandbox, settings, "payments.vouchers.look_after") == [True, False]
    with sandbox.transaction() as session:
        state = session.execute(
            text("SELECT state FROM voucher WHERE serial = :serial"), {"serial": old.serial}
        ).scalar_one()
        paid = session.execute(
            text("SELECT organisation, amount_pence, client_id FROM payment")
        ).one()
        due = session.execute(
            text("SELECT count(*) FROM outbox WHERE topic = 'payments.vouchers.look_after'")
        ).scalar_one()
    assert state == "expired"
    assert tuple(paid) == (BODY, 1500, "vouchers")
    assert due >= 1
