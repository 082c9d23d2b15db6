"""The auditor's pack: whole, the same to the byte, and proved by a bare Python without us."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest

from payments.ledger.seal.checkpoints import Signer
from payments.ledger.verifier.merkle import BrokenError
from payments.ledger.verifier.packs import check_pack
from payments.reports.auditor.pages import STEP_TEXTS
from payments.reports.auditor.rules import STEPS
from shared.db import Database
from tests.payments.reports.auditor.packs import pack


@pytest.fixture
def unpacked(books: Database, tmp_path: Path, signer: Signer) -> Path:
    pack(books, tmp_path / "pack.zip", signer.public_key)
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    return tmp_path / "pack"


def bare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a bare Python says, without our packages, environment or user site."""
    return subprocess.run(
        [sys.executable, "-I", "verifier.pyz", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={},
    )


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((folder / "tables" / f"{name}.json").read_text())
    return found


def test_a_bare_python_proves_the_pack_and_each_proof(unpacked: Path) -> None:
    said = bare(unpacked, "check-pack", ".", "--key", "key.txt")
    assert (said.returncode, said.stderr) == (0, "")
    proved = json.loads(said.stdout)
    assert proved["entries"] > 3
    assert proved["checkpoints"] >= 2
    assert bare(unpacked, "verify", "ledger", "--key", "key.txt").returncode == 0
    proofs = sorted(path.name for path in (unpacked / "proofs").iterdir())
    assert proofs
    for name in proofs:
        assert bare(unpacked, "check-proof", f"proofs/{name}", "--key", "key.txt").returncode == 0


def test_one_byte_changed_in_any_file_is_found(unpacked: Path) -> None:
    manifest = str(check_pack(unpacked, processes=1)["manifest_sha256"])
    paths = sorted(path for path in unpacked.rglob("*") if path.is_file())
    assert len(paths) > 60
    for path in paths:
        content = path.read_bytes()
        if not content:
            path.write_bytes(b"x")
        else:
            middle = len(content) // 2
            changed = bytes([content[middle] ^ 1])
            path.write_bytes(content[:middle] + changed + content[middle + 1 :])
        with pytest.raises((BrokenError, ValueError)):
            check_pack(unpacked, manifest, processes=1)
        path.write_bytes(content)
    check_pack(unpacked, manifest, processes=1)


def test_a_bare_python_names_what_was_changed_and_fails(unpacked: Path) -> None:
    path = unpacked / "ledger" / "entries.tsv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\tGBP\t", b"\tGBQ\t", 1))
    said = bare(unpacked, "check-pack", ".")
    assert said.returncode == 1
    assert "ledger/entries.tsv: it is not what the manifest says" in said.stderr
    assert bare(unpacked, "verify", "ledger").returncode == 1


def test_a_file_too_many_or_too_few_is_found(unpacked: Path) -> None:
    extra = unpacked / "tables" / "more.csv"
    extra.write_text("")
    with pytest.raises(BrokenError, match=r"more\.csv"):
        check_pack(unpacked, processes=1)
    extra.unlink()
    (unpacked / "tables" / "runs.csv").unlink()
    with pytest.raises(BrokenError, match=r"runs\.csv"):
        check_pack(unpacked, processes=1)


def test_the_zip_itself_is_checked(books: Database, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    made, _ = pack(books, path)
    assert check_pack(path, made.manifest_sha256, processes=1)["files"]
    with pytest.raises(BrokenError, match="its SHA-256 is"):
        check_pack(path, "0" * 64, processes=1)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises((BrokenError, ValueError)):
        check_pack(path, made.manifest_sha256, processes=1)


def test_the_same_facts_make_the_same_bytes(books: Database, tmp_path: Path) -> None:
    first, told = pack(books, tmp_path / "1.zip")
    second, _ = pack(books, tmp_path / "2.zip")
    assert first == second
    assert first.problem == ""
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert tuple(told) == STEPS[:-1]
    assert set(STEP_TEXTS) == {"", *STEPS}


def test_the_tables_say_who_did_what(unpacked: Path) -> None:
    (approval,) = rows(unpacked, "approvals")
    assert (approval["person_name"], approval["had_a_hand_in_it"]) == ("Alan", False)
    assert rows(unpacked, "separation-of-duties") == []
    assert rows(unpacked, "duties-examined") == [{"approved_runs": 1}]
    (journal,) = rows(unpacked, "journals")
    assert (journal["made_by_name"], journal["decided_by_name"]) == ("Rita", "Rory")
    assert "/" in str(journal["ledger_number"])
    lines = list(
        csv.DictReader(io.StringIO((unpacked / "tables" / "journal-lines.csv").read_text()))
    )
    assert [line["note"] for line in lines] == ["'=1+1", ""]
    balance = {row["account"]: row for row in rows(unpacked, "trial-balance")}
    assert balance["own.fees"]["debit_pence"] == 500
    log = [json.loads(line) for line in (unpacked / "audit" / "log.jsonl").read_text().splitlines()]
    assert "gl.journal.posted" in {line["action"] for line in log}
    logged = list(csv.DictReader(io.StringIO((unpacked / "audit" / "log.csv").read_text())))
    assert len(logged) == len(log)
    (hold,) = rows(unpacked, "holds")
    assert (hold["level"], hold["reason"], hold["lifted_by_name"], hold["lift_reason"]) == (
        "body",
        "Something looks wrong",
        "Rory",
        "It was not",
    )
    empty = ("write-offs", "overrides", "screening", "reconciliations", "period-closes")
    for name in (*empty, "delegations"):
        assert rows(unpacked, name) == []


def test_the_words_name_every_table_and_no_account_number_is_in_it(unpacked: Path) -> None:
    words = (unpacked / "README.txt").read_text()
    for path in (unpacked / "tables").glob("*.csv"):
        assert path.stem in words
    for path in unpacked.rglob("*"):
        if path.is_file():
            assert b"10000012" not in path.read_bytes()


def test_a_ledger_that_was_tampered_with_is_packed_and_said(
    books: Database, cluster: object, tmp_path: Path
) -> None:
    with psycopg.connect(str(getattr(cluster, "admin_url", ""))) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET ROLE payments_owner; SET search_path = payments")
        connection.execute("UPDATE entry SET event_id = 'x' || event_id")
    made, _ = pack(books, tmp_path / "pack.zip")
    assert "it is not what was sealed" in made.problem
    with pytest.raises(BrokenError):
        check_pack(tmp_path / "pack.zip", processes=1)
