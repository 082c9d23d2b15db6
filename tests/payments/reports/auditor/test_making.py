"""A pack is asked for, made in the background once, taken away and removed; by whom."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from payments.ledger.seal.checkpoints import Signer
from payments.ledger.verifier.packs import check_pack
from payments.reports.auditor import commands
from payments.reports.auditor.actions import MAKE_TOPIC, REMOVE_TOPIC, ask_pack
from payments.reports.auditor.queries import get_pack
from payments.runs.rules import ADMINISTRATOR, AUDITOR, ROLE_NAMES
from payments.settings import PaymentsSettings
from shared import clock, outbox
from shared.db import Database
from shared.errors import Problem
from tests.payments.reports.auditor.packs import ADA, AUDRA, FIRST, LAST, pack
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, staff

Open = Callable[..., Console]
HOME = "/payments/reports/auditor-pack"


def work(database: Database, settings: PaymentsSettings, topic: str) -> int:
    with database.transaction() as session:
        jobs = session.execute(
            text("SELECT id FROM outbox WHERE topic = :topic AND done_at IS NULL"),
            {"topic": topic},
        ).scalars()
        ids = list(jobs)
    return sum(outbox.run(database, settings, one, topic) for one in ids)


def actions(database: Database) -> list[str]:
    with database.transaction() as session:
        found = session.execute(
            text("SELECT action FROM audit_event WHERE action LIKE '%auditor_pack%' ORDER BY id")
        )
        return [action.rsplit(".", 1)[-1] for action in found.scalars()]


def test_a_pack_is_asked_for_made_and_taken(
    books: Database, settings: PaymentsSettings, console: Open, tmp_path: Path
) -> None:
    audra = console(AUDRA)
    assert "No pack was made yet" in audra.get(HOME)
    days = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    page = audra.post(HOME, **days)
    assert "It waits for its turn" in page
    path = str(audra.client.get(HOME).text).split(f'href="{HOME}/')[1].split('"')[0]
    assert audra.client.get(f"{HOME}/{path}/file").status_code == 409
    audra.get(HOME)
    audra.post(HOME, **days)
    assert work(books, settings, MAKE_TOPIC) == 1
    page = audra.get(f"{HOME}/{path}")
    answer = audra.client.get(f"{HOME}/{path}/file")
    assert answer.headers["content-length"] == str(len(answer.content))
    target = tmp_path / "pack.zip"
    target.write_bytes(answer.content)
    proved = check_pack(target, processes=1)
    assert str(proved["manifest_sha256"]) in page
    assert actions(books) == ["asked", "made", "downloaded"]


def test_a_pack_made_twice_is_one(books: Database, settings: PaymentsSettings) -> None:
    with books.transaction() as session:
        pack_id = ask_pack(session, BODY, FIRST, LAST, AUDRA, clock.now())
        assert ask_pack(session, BODY, FIRST, LAST, ADA, clock.now()) == pack_id
    assert work(books, settings, MAKE_TOPIC) == 1
    with books.transaction() as session:
        before = get_pack(session, BODY, pack_id)
        session.execute(text("UPDATE outbox SET done_at = NULL, lease_until = NULL"))
    assert work(books, settings, MAKE_TOPIC) == 1
    with books.transaction() as session:
        assert get_pack(session, BODY, pack_id) == before
    assert actions(books) == ["asked", "made"]


def test_an_attempt_that_died_leaves_nothing_behind(
    books: Database, settings: PaymentsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with books.transaction() as session:
        pack_id = ask_pack(session, BODY, FIRST, LAST, AUDRA, clock.now())

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("payments.reports.auditor.tasks.finish_making", die)
        work(books, settings, MAKE_TOPIC)
    with books.transaction() as session:
        assert get_pack(session, BODY, pack_id).state == "waiting"
        session.execute(text("UPDATE outbox SET due_at = now() - interval '1 s'"))
    assert work(books, settings, MAKE_TOPIC) == 1
    with books.transaction() as session:
        found = get_pack(session, BODY, pack_id)
        attempts = session.execute(text("SELECT DISTINCT attempt FROM audit_pack_part")).scalars()
        assert (found.state, found.attempt, list(attempts)) == ("ready", 2, [2])


def test_bytes_are_removed_after_their_time_and_hashes_stay(
    books: Database, settings: PaymentsSettings, console: Open
) -> None:
    with books.transaction() as session:
        pack_id = ask_pack(session, BODY, FIRST, LAST, AUDRA, clock.now())
    work(books, settings, MAKE_TOPIC)
    with books.transaction() as session:
        due = session.execute(
            text("SELECT due_at - now() > interval '29 days' FROM outbox WHERE topic = :topic"),
            {"topic": REMOVE_TOPIC},
        ).scalar_one()
        session.execute(text("UPDATE outbox SET due_at = now() - interval '1 s'"))
    assert due
    assert work(books, settings, REMOVE_TOPIC) == 1
    audra = console(AUDRA)
    page = audra.get(f"{HOME}/{pack_id}")
    assert "were removed after their time" in page
    assert "SHA-256 of the file" in page
    assert audra.client.get(f"{HOME}/{pack_id}/file").status_code == 409


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("", ""),
        ("2026-02-30", "2026-03-01"),
        ("2026-11-02", "2026-11-01"),
        ("2025-01-01", "2026-11-01"),
        ("2990-01-01", "2990-01-02"),
    ],
    ids=["none", "no_day", "backwards", "long", "future"],
)
def test_days_that_cannot_be_are_refused(
    database: Database, console: Open, first: str, last: str
) -> None:
    audra = console(AUDRA)
    audra.get(HOME)
    audra.post(HOME, **{"from": first, "to": last})
    assert audra.status == 422
    assert "<title>Error:" in audra.html
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM audit_pack")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 0


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_only_auditors_and_administrators_come_near(
    database: Database, console: Open, role: str
) -> None:
    with database.transaction() as session:
        pack_id = ask_pack(session, BODY, FIRST, LAST, AUDRA, clock.now())
    may = role in (AUDITOR, ADMINISTRATOR)
    person = console(staff("Somebody", role))
    for path, good in ((HOME, 200), (f"{HOME}/{pack_id}", 200), (f"{HOME}/{pack_id}/file", 409)):
        person.get(path)
        assert person.status == (good if may else 403), path
    if may:
        assert ('href="/payments/reports"' in person.get(HOME)) is (role == AUDITOR)
    person.get("/payments/choose-body")
    assert person.hidden("csrf_token")
    person.post(HOME, **{"from": "", "to": ""})
    assert person.status == (422 if may else 403)
    stranger = console(staff("Stranger", AUDITOR, organisation="glenmore"))
    assert stranger.client.get(f"{HOME}/{pack_id}").status_code == 404
    assert stranger.client.get(f"{HOME}/{pack_id}/file").status_code == 404


def test_the_command_makes_the_same_pack(
    books: Database,
    settings: PaymentsSettings,
    signer: Signer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    key_file = tmp_path / "seal.pem"
    key_file.write_bytes(
        signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    ours = settings.model_copy(update={"ledger_seal_key_file": key_file})
    monkeypatch.setattr(commands, "get_settings", lambda: ours)
    target = tmp_path / "command.zip"
    days = [FIRST.isoformat(), LAST.isoformat()]
    pack(books, tmp_path / "page.zip", signer.public_key)
    commands.make_auditor_pack([BODY, *days, str(target)])
    assert target.read_bytes() == (tmp_path / "page.zip").read_bytes()
    assert actions(books) == ["made"]
    for wrong in (
        [BODY, *days, str(target)],
        [BODY, *days],
        [BODY, "x", "y", str(tmp_path / "no.zip")],
        ["nobody", *days, str(tmp_path / "no.zip")],
    ):
        with pytest.raises(Problem):
            commands.make_auditor_pack(wrong)
    assert not (tmp_path / "no.zip").exists()
    assert actions(books) == ["made"]
    assert date.fromisoformat(days[0]) == FIRST
