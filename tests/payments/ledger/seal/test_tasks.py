"""The periodic work of the log: planned once, safe to run twice, delivered to a folder."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from payments.ledger import upkeep
from payments.ledger.actions import open_accounts, post_entries
from payments.ledger.rules import transfer
from payments.ledger.seal import commands
from payments.ledger.seal.requests import TOPIC, ask_for_checkpoint
from payments.ledger.seal.tasks import keep_log, plan_sealing, seal_all, sign_log
from payments.ledger.verifier.commands import main
from payments.settings import PaymentsSettings
from shared import clock
from shared.db import Database
from shared.errors import Invalid, Problem
from shared.outbox import Job
from tests.payments.runs.console import make_settings

BODY = "strathclachan"
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def settings(payments_url: str, key_file: Path, tmp_path: Path) -> PaymentsSettings:
    key = tmp_path / "seal.pem"
    private = Ed25519PrivateKey.generate()
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = make_settings(payments_url, key_file, key)
    more = {"ledger_seal_key_file": key, "ledger_checkpoint_folder": tmp_path / "kept"}
    return made.model_copy(update=more)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)
        draft = transfer("x", "1", DAY, "in_transit", "payments_approved", 5)
        post_entries(session, BODY, [draft], "test")
    return payments_database


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch, settings: PaymentsSettings) -> Callable[[], None]:
    def use() -> None:
        monkeypatch.setattr(commands, "get_settings", lambda: settings)

    return use


def count(database: Database, table: str) -> int:
    with database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def job(database: Database, settings: PaymentsSettings) -> Job:
    return Job(1, "payments.ledger.seal", {}, 1, database, settings)


def test_a_period_is_one_work(database: Database, settings: PaymentsSettings) -> None:
    for seconds in (0, 2, 4):
        with database.transaction() as session:
            plan_sealing(session, settings, NOW + timedelta(seconds=seconds))
    assert count(database, "outbox") == 1
    for _ in range(2):
        with database.transaction() as session:
            upkeep.plan_upkeep(session, settings, NOW)
    assert count(database, "outbox") == 2


def test_the_log_is_kept_signed_and_delivered(
    database: Database, settings: PaymentsSettings, tmp_path: Path
) -> None:
    for _ in range(2):
        keep_log(job(database, settings))
    assert count(database, "entry_seal") == 1
    assert count(database, "seal_checkpoint") == 1
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == [f"{BODY}-entries-00000001.txt"]
    note = (tmp_path / "kept" / kept[0]).read_text()
    assert note.startswith(f"clachan/{BODY}/entries\n1\n")
    with database.transaction() as session:
        undelivered = session.execute(
            text("SELECT count(*) FROM seal_checkpoint WHERE delivered_at IS NULL")
        ).scalar_one()
    assert undelivered == 0


def test_without_a_key_nothing_is_signed(database: Database, settings: PaymentsSettings) -> None:
    keep_log(job(database, settings.model_copy(update={"ledger_seal_key_file": None})))
    assert count(database, "entry_seal") == 1
    assert count(database, "seal_checkpoint") == 0


def test_the_upkeep_runs_twice(database: Database, settings: PaymentsSettings) -> None:
    seal_all(database, clock.now)
    for _ in range(2):
        upkeep.keep_ledger(job(database, settings))
    assert count(database, "balance_day") == 2


def test_the_commands_export_and_prove(
    database: Database,
    use_settings: Callable[[], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_settings()
    seal_all(database, clock.now)
    folder = tmp_path / "export"
    commands.export_for_auditor([BODY, str(folder)])
    assert main(["verify", str(folder)]) == 0
    assert (folder / "verifier.pyz").exists()
    commands.verify_here([])
    assert f'{BODY}: {{"blocks": 1' in capsys.readouterr().out
    with pytest.raises(Problem, match="not empty"):
        commands.export_for_auditor([BODY, str(folder)])
    with pytest.raises(Invalid):
        commands.export_for_auditor([BODY])
    with pytest.raises(Invalid):
        commands.verify_here(["nowhere"])


def asked(database: Database, settings: PaymentsSettings) -> list[Job]:
    with database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT id, payload FROM outbox WHERE topic = :topic AND done_at IS NULL"
                " ORDER BY id"
            ),
            {"topic": TOPIC},
        ).all()
    return [Job(row.id, TOPIC, dict(row.payload), 0, database, settings) for row in rows]


def test_what_asks_is_sealed_and_signed_without_waiting_for_the_timer(
    database: Database, settings: PaymentsSettings, tmp_path: Path
) -> None:
    for _ in range(2):
        with database.transaction() as session:
            ask_for_checkpoint(session, BODY, "run 1 is finished")
    (one,) = asked(database, settings)
    for _ in range(2):
        sign_log(one)
    assert count(database, "entry_seal") == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [f"{BODY}-entries-00000001.txt"]


def test_another_body_is_not_signed_by_the_way(
    database: Database, settings: PaymentsSettings
) -> None:
    with database.transaction() as session:
        ask_for_checkpoint(session, "glenmore", "run 1 is finished")
    (one,) = asked(database, settings)
    sign_log(one)
    assert (count(database, "entry_seal"), count(database, "seal_checkpoint")) == (1, 0)


def test_what_asks_behind_an_open_transaction_asks_again(
    database: Database, settings: PaymentsSettings
) -> None:
    with database.transaction() as slow:
        slow.execute(text("SELECT pg_current_xact_id()"))
        with database.transaction() as session:
            ask_for_checkpoint(session, BODY, "run 1 is finished")
        (first,) = asked(database, settings)
        sign_log(first)
        (again,) = asked(database, settings)
    assert (again.id > first.id, again.payload["asked"]) == (True, 1)
    assert count(database, "seal_checkpoint") == 0
    sign_log(again)
    assert count(database, "seal_checkpoint") == 1


def test_two_who_sign_at_once_make_one_checkpoint(
    database: Database, settings: PaymentsSettings
) -> None:
    with database.transaction() as session:
        ask_for_checkpoint(session, BODY, "run 1 is finished")
        ask_for_checkpoint(session, BODY, "run 2 is finished")
    jobs = asked(database, settings)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sign_log, jobs))
    assert (count(database, "seal_block"), count(database, "seal_checkpoint")) == (1, 1)
