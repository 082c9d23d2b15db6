"""The log: numbers without gaps, roots that prove, and tampering that is found (fault F16)."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from payments.ledger.actions import open_accounts, post_entries
from payments.ledger.rules import transfer
from payments.ledger.seal.checkpoints import (
    Signer,
    WeakKeyError,
    list_undelivered,
    make_checkpoints,
    read_signer,
)
from payments.ledger.seal.export import export_ledger, write_verifier
from payments.ledger.seal.sealing import seal
from payments.ledger.verifier.checks import verify
from payments.ledger.verifier.merkle import BrokenError
from payments.ledger.verifier.proofs import check_proof, prove
from shared import audit
from shared.actors import Actor
from shared.db import Database

BODY = "strathclachan"
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
UNA = Actor("staff", "una", BODY, name="Una Fictional")
OWNER = "SET ROLE payments_owner; SET search_path = payments; "


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)
    return payments_database


@pytest.fixture
def tamper(cluster: object, database: Database) -> Callable[[str], None]:
    url = str(getattr(cluster, "admin_url", ""))

    def change(statement: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute((OWNER + statement).encode())

    return change


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("audit.example", Ed25519PrivateKey.generate())


def post(database: Database, count: int, start: int = 0, on: date = DAY) -> None:
    drafts = [
        transfer("test.done", f"e{start + n}", on, "in_transit", "payments_approved", n + 1)
        for n in range(count)
    ]
    with database.transaction() as session:
        post_entries(session, BODY, drafts, "test")


def seal_now(database: Database, at: datetime = NOW) -> int:
    with database.transaction() as session:
        return seal(session, at).leaves


def export(database: Database, folder: Path) -> Path:
    with database.transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        export_ledger(session, BODY, folder)
    return folder


def broken(database: Database, folder: Path, **more: object) -> str:
    with pytest.raises(BrokenError) as caught:
        verify(export(database, folder), processes=1, **more)  # type: ignore[arg-type]  # members by name
    return str(caught.value)


def numbers(database: Database) -> list[tuple[int, int]]:
    with database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT b.year, b.first_number + s.leaf_index AS number FROM entry_seal s"
                " JOIN seal_block b ON b.id = s.block_id JOIN entry e ON e.id = s.entry_id"
                " ORDER BY e.id"
            )
        )
        return [(row.year, row.number) for row in rows]


def test_numbers_follow_without_gap_in_each_financial_year(database: Database) -> None:
    post(database, 3)
    assert seal_now(database) == 3
    post(database, 2, 10)
    post(database, 2, 20, on=date(2027, 4, 1))
    assert seal_now(database) == 4
    assert seal_now(database) == 0
    years = numbers(database)
    assert years == [(2026, n) for n in range(1, 6)] + [(2027, 1), (2027, 2)]


def test_what_is_open_waits_and_nothing_is_skipped(database: Database) -> None:
    post(database, 1, 50)
    seal_now(database)
    with database.transaction() as slow:
        draft = transfer("slow", "1", DAY, "in_transit", "payments_approved", 1)
        post_entries(slow, BODY, [draft], "slow")
        post(database, 2)
        assert seal_now(database) == 0
    assert seal_now(database) == 3
    assert len(numbers(database)) == 4


def test_a_pass_takes_transactions_whole(database: Database) -> None:
    for start in (0, 10, 20):
        post(database, 4, start)
    taken = []
    for _ in range(5):
        with database.transaction() as session:
            taken.append(seal(session, NOW, most=4))
    assert sum(one.leaves for one in taken) == 12
    assert [one.more for one in taken][-1] is False


def test_one_sealer_at_a_time_and_each_entry_once(database: Database) -> None:
    for start in range(0, 100, 10):
        post(database, 10, start)
    with ThreadPoolExecutor(6) as pool:
        sealed = sum(pool.map(lambda _: seal_now(database), range(12)))
    assert sealed + seal_now(database) == 100
    assert numbers(database) == [(2026, n) for n in range(1, 101)]


def test_an_export_is_proved_with_its_control_events(database: Database, tmp_path: Path) -> None:
    post(database, 5)
    with database.transaction() as session:
        audit.record(session, UNA, "limit.changed", "limit", "1", {"secret": "of Una"})
    seal_now(database)
    post(database, 1, 10)
    folder = export(database, tmp_path / "export")
    proved = verify(folder, processes=1)
    assert proved == {"blocks": 2, "checkpoints": 0, "entries": 5, "control": 1, "unsealed": 1}
    assert "Una Fictional" not in (folder / "control.tsv").read_text()
    assert "secret" not in (folder / "control.tsv").read_text()
    with pytest.raises(FileExistsError):
        export(database, tmp_path / "export")


def test_a_forgotten_person_leaves_the_log_whole(database: Database, tmp_path: Path) -> None:
    with database.transaction() as session:
        audit.record(session, UNA, "limit.changed", "limit", "1", {})
    seal_now(database)
    with database.transaction() as session:
        session.execute(text("UPDATE control_seal SET salt = NULL"))
    assert verify(export(database, tmp_path / "export"), processes=1)["control"] == 1


def test_after_a_restore_elsewhere_nothing_is_lost_or_sealed_twice(
    database: Database, tmp_path: Path
) -> None:
    post(database, 3)
    seal_now(database)
    post(database, 2, 10)
    with database.transaction() as session:
        session.execute(
            text("UPDATE seal_watermark SET cluster = 'another', sealed_below = '999999999'")
        )
    assert seal_now(database) == 2
    post(database, 1, 20)
    assert seal_now(database) == 1
    assert verify(export(database, tmp_path / "export"), processes=1)["entries"] == 6


@pytest.mark.parametrize(
    ("name", "statement", "found"),
    [
        (
            "an_amount",
            (
                "UPDATE posting SET amount = amount * 2 WHERE entry_id = (SELECT entry_id FROM"
                " entry_seal WHERE leaf_index = 2)"
            ),
            r"number 3 of 2026\): it is not what was sealed",
        ),
        (
            "an_event",
            ("UPDATE entry SET event_id = 'other' WHERE event_id = 'e1'"),
            r"number 2 of 2026\): it is not what was sealed",
        ),
        (
            "a_deleted_entry",
            (
                "DELETE FROM posting WHERE entry_id = (SELECT id FROM entry WHERE event_id = 'e3');"
                "DELETE FROM entry WHERE event_id = 'e3'"
            ),
            r"number 4 of 2026\): it is not what was sealed",
        ),
        (
            "two_in_other_order",
            (
                "UPDATE entry_block SET entry_ids = entry_ids[1:1] || entry_ids[3]"
                " || entry_ids[2] || entry_ids[4:], leaves = substr(leaves, 1, 32)"
                " || substr(leaves, 65, 32) || substr(leaves, 33, 32) || substr(leaves, 97)"
                " WHERE cardinality(entry_ids) = 5"
            ),
            "block 0 of entries: 5 lines of 5 under another root",
        ),
        (
            "a_block_taken_out",
            (
                "DELETE FROM entry_block WHERE block_id = (SELECT min(id) FROM seal_block);"
                "DELETE FROM seal_block WHERE height = 0"
            ),
            "block 0 of entries: its height is 1",
        ),
        (
            "a_header",
            ("UPDATE seal_block SET sealed_at = sealed_at - interval '1 day'"),
            "block 0 of entries: its header was changed",
        ),
        (
            "a_number",
            ("UPDATE seal_block SET first_number = 7 WHERE height = 1"),
            "block 1 of entries: its header was changed",
        ),
        (
            "a_control_event",
            ("UPDATE audit_event SET actor_name = 'Nobody'"),
            r"number 1 of 0\): it is not what was sealed",
        ),
    ],
    ids=lambda value: value if re.fullmatch(r"an?_\w+|two_\w+", str(value)) else "",
)
def test_tampering_by_the_owner_is_found(
    database: Database,
    tamper: Callable[[str], None],
    tmp_path: Path,
    name: str,
    statement: str,
    found: str,
) -> None:
    post(database, 5)
    seal_now(database)
    post(database, 2, 10)
    with database.transaction() as session:
        audit.record(session, UNA, name, "test", "1", {})
    seal_now(database)
    assert verify(export(database, tmp_path / "before"), processes=1)["entries"] == 7
    tamper(statement)
    assert re.search(found, broken(database, tmp_path / "after"))


def test_a_history_rewritten_whole_is_found_by_a_checkpoint_kept_outside(
    database: Database, tamper: Callable[[str], None], signer: Signer, tmp_path: Path
) -> None:
    post(database, 5)
    seal_now(database)
    with database.transaction() as session:
        assert make_checkpoints(session, signer, NOW) == 1
        assert make_checkpoints(session, signer, NOW) == 0
        kept = list_undelivered(session)[0][2]
    folder = export(database, tmp_path / "before")
    assert verify(folder, key=signer.public_key, kept=[kept], processes=1)["checkpoints"] == 2
    tamper(
        "UPDATE entry SET event_id = 'other' WHERE event_id = 'e1'; TRUNCATE entry_block,"
        " seal_block, seal_checkpoint, seal_watermark"
    )
    seal_now(database, NOW + timedelta(minutes=1))
    assert verify(export(database, tmp_path / "after"), processes=1)["entries"] == 5
    assert "the log was rewritten" in broken(database, tmp_path / "outside", kept=[kept])


def test_a_checkpoint_of_another_key_or_changed_is_refused(
    database: Database, signer: Signer, tmp_path: Path
) -> None:
    post(database, 2)
    seal_now(database)
    with database.transaction() as session:
        make_checkpoints(session, signer, NOW)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert "no good signature" in broken(database, tmp_path / "a", key=other)
    with database.transaction() as session:
        kept = list_undelivered(session)[0][2]
    longer = kept.replace("\n1\n", "\n2\n")
    assert "here are 1 blocks only" in broken(database, tmp_path / "b", kept=[longer])
    assert "not a checkpoint" in broken(database, tmp_path / "c", kept=["nonsense"])


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = generate_private_key(65537, 2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(WeakKeyError):
        read_signer("audit.example", path)


@pytest.fixture
def many(database: Database, signer: Signer, tmp_path: Path) -> Path:
    for start in range(0, 70, 7):
        post(database, 7, start)
        seal_now(database)
    with database.transaction() as session:
        make_checkpoints(session, signer, NOW)
    return export(database, tmp_path / "export")


def test_one_entry_is_proved_apart_from_all_others(many: Path, signer: Signer) -> None:
    for event in ("e0", "e33", "e69"):
        proof = prove(many, event)
        assert check_proof(proof, signer.public_key).endswith("of 2026 is in the log")
        changed = {**proof, "entry": str(proof["entry"]).replace("GBP", "EUR")}
        with pytest.raises(BrokenError, match="root of its block"):
            check_proof(changed)
    with pytest.raises(BrokenError, match="no sealed entry"):
        prove(many, "e70")


def test_the_verifier_runs_alone(many: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "verifier.pyz"
    alone.parent.mkdir()
    write_verifier(alone)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(alone), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    done = run("verify", str(many))
    assert (done.returncode, json.loads(done.stdout)["entries"]) == (0, 70)
    proof = tmp_path / "proof.json"
    proof.write_text(run("prove", str(many), "e5").stdout)
    assert run("check-proof", str(proof)).returncode == 0
    content = (many / "entries.tsv").read_bytes()
    (many / "entries.tsv").write_bytes(content.replace(b"\te40\t", b"\te41\t", 1))
    done = run("verify", str(many))
    assert done.returncode == 1
    assert "number 41 of 2026" in done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seal_block SET size = 1",
        "DELETE FROM entry_block",
        "UPDATE entry_block SET leaves = ''",
        "UPDATE control_seal SET leaf = ''",
        "INSERT INTO control_queue (event_id) VALUES (gen_random_uuid())",
        "UPDATE seal_checkpoint SET note = ''",
    ],
)
def test_the_application_cannot_change_the_log(database: Database, statement: str) -> None:
    with pytest.raises(Exception, match="permission denied"), database.transaction() as session:
        session.execute(text(statement))


def test_numbers_cannot_overlap(database: Database) -> None:
    post(database, 2)
    seal_now(database)
    insert = text(
        "INSERT INTO seal_block (body, kind, height, year, first_number, size, root, previous,"
        " hash, sealed_at) VALUES (:body, 'entries', 1, 2026, 2, 1, '', '', '', now())"
    )
    with pytest.raises(Exception, match="ex_seal_block_numbers"), database.transaction() as session:
        session.execute(insert, {"body": BODY})
