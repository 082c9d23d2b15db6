"""Statements are fetched over either channel, in every format, each once; faults are work."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import paramiko
import pytest
from sqlalchemy import text

from payments.bank import provider, tasks
from payments.bank.provider import Bank, FileTooLargeError, Listed
from payments.bank.providers import https_bank, sftp_bank
from payments.bank.providers.sftp_bank import SftpAccess, SftpBank
from payments.bank.simulator import SftpDoor, make_desk
from payments.bank.simulator.desk import Desk
from payments.reconciliation.importing.fetching import fetch_statements
from payments.reconciliation.importing.mappings import save_mapping
from payments.reconciliation.queries import list_statements
from payments.reconciliation.readers.csv_lines import ColumnMap
from tests.payments.bank.bank_day import BODY, DAY, GOOD, NOW, BankDay
from tests.payments.reconciliation.statements import Entry, camt
from tests.payments.reconciliation.test_desk import MORAG

OURS = "80226000112233"


class Folder:
    """A bank that shows files, and counts how often each is read."""

    def __init__(self, **files: bytes) -> None:
        self.files = dict(files)
        self.read: list[str] = []

    def list_statements(self, sort_code: str, account_number: str) -> list[Listed]:
        assert sort_code + account_number == OURS
        return [Listed(f"{OURS}:{name}", "statement") for name in self.files]

    def get_statement(self, statement_id: str) -> bytes:
        name = statement_id.partition(":")[2]
        self.read.append(name)
        if self.files[name] == b"too large":
            raise FileTooLargeError
        return self.files[name]


def fetch(day: BankDay, bank: object, days: int = 0) -> int:
    now = NOW + timedelta(days=days)
    return fetch_statements(day.database, cast("Bank", bank), day.vault, lambda: now)


def rows(day: BankDay, statement: str) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def work(day: BankDay) -> list[tuple[object, ...]]:
    return rows(
        day,
        "SELECT reason, state FROM work_item WHERE kind = 'statement_unread' ORDER BY reason",
    )


FIRST = camt(1, 500_000, (Entry(5, day="2026-11-23"),), day="2026-11-23")
SECOND = camt(2, 500_005, (Entry(7, day="2026-11-24"),), day="2026-11-24")


def test_each_file_is_read_once_by_its_name_and_booked_once_by_its_bytes(day: BankDay) -> None:
    bank = Folder(**{"one.xml": FIRST, "again.xml": FIRST, "two.xml": SECOND})
    assert fetch(day, bank) == 2
    assert fetch(day, bank) == 0
    assert fetch(day, bank, days=2) == 0
    assert bank.read == ["one.xml", "again.xml", "two.xml"]
    said = rows(day, "SELECT name, state FROM statement_fetch ORDER BY tried_at, name")
    assert sorted(said) == [
        (f"{OURS}:again.xml", "known"),
        (f"{OURS}:one.xml", "taken"),
        (f"{OURS}:two.xml", "taken"),
    ]
    assert rows(day, "SELECT count(*) FROM statement_line") == [(2,)]
    assert work(day) == []


def test_what_is_refused_stops_no_other_and_is_work_once(day: BankDay) -> None:
    bank = Folder(**{"odd.bin": b"\x00\x01", "huge.xml": b"too large", "one.xml": FIRST})
    assert fetch(day, bank) == 1
    assert fetch(day, bank) == 0
    assert bank.read == ["odd.bin", "huge.xml", "one.xml"]
    found = work(day)
    assert [state for _, state in found] == ["open", "open"]
    assert [str(reason).partition(":")[0] for reason, _ in found] == ["huge.xml", "odd.bin"]
    assert "larger than 64 MB" in str(found[0][0])
    with day.database.transaction() as session:
        assert len(list_statements(session, BODY)) == 1


def test_a_corrected_cause_needs_nothing_more(day: BankDay) -> None:
    table = b"Date,Amount,Text\n24/11/2026,5.00,RENT\n"
    bank = Folder(**{"table.csv": table})
    assert fetch(day, bank) == 0
    assert len(work(day)) == 1
    with day.database.transaction() as session:
        columns = ColumnMap(day="Date", amount="Amount", reference="Text")
        save_mapping(session, day.account, columns, MORAG, NOW)
    assert fetch(day, bank) == 0
    assert fetch(day, bank, days=2) == 1
    assert [state for _, state in work(day)] == ["done"]
    assert bank.read == ["table.csv", "table.csv"]


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Desk, SftpBank]]:
    listed = tmp_path / "formats.yaml"
    listed.write_text(
        f'- {{sort_code: "{OURS[:6]}", account_number: "{OURS[6:]}",'
        f" flags: {{statements: {request.param}}}}}\n"
    )
    desk = make_desk(tmp_path / "other", listed, DAY)
    key = tmp_path / "our_key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(key))
    listening = SftpDoor(desk, tmp_path / "other", "127.0.0.1", 0)
    pinned = tmp_path / "other" / "bank_host_key.pub"
    access = SftpAccess("127.0.0.1", listening.port, "clachan", key, pinned, receipt_seconds=1.0)
    yield desk, SftpBank(access)
    listening.close()


@pytest.mark.parametrize(
    ("door", "format_"),
    [
        ("camt.053", "camt.053"),
        ("mt940", "mt940"),
        ("bai2", "bai2"),
        ("data-services", "natwest-data-services"),
        ("camt.054", "camt.054"),
    ],
    indirect=["door"],
    ids=["camt053", "mt940", "bai2", "data-services", "camt054"],
)
def test_statements_come_over_sftp_in_every_format(
    day: BankDay, door: tuple[Desk, SftpBank], format_: str
) -> None:
    desk, bank = door
    _, submission, _ = day.run((GOOD, 700))
    tasks.hand_over(day.job(submission), bank)
    for _ in range(2):
        desk.advance()
    assert fetch(day, bank) == 1
    assert fetch(day, bank) == 0
    assert work(day) == []
    ((found, source),) = rows(day, "SELECT format, source FROM statement_file")
    assert (found, source) == (format_, "bank")
    assert rows(day, "SELECT amount_pence FROM statement_line") == [(-700,)]


def test_a_report_that_is_too_large_is_left_and_stops_no_other(
    day: BankDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    monkeypatch.setattr(https_bank, "MAXIMUM_FILE_BYTES", 10)
    assert day.fetch_reports() == 1
    assert day.fetch_reports() == 0
    assert rows(day, "SELECT state, problem FROM bank_report") == [
        ("unread", f"larger than {provider.MAXIMUM_FILE_BYTES // 1024 // 1024} MB")
    ]
    assert rows(day, "SELECT state FROM submission") == [("acknowledged",)]


@pytest.mark.parametrize("door", ["camt.053"], indirect=True, ids=["camt053"])
def test_no_more_of_a_file_is_read_over_sftp_than_may_be(
    day: BankDay, door: tuple[Desk, SftpBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, bank = door
    _, submission, _ = day.run((GOOD, 700))
    tasks.hand_over(day.job(submission), bank)
    for _ in range(2):
        desk.advance()
    monkeypatch.setattr(sftp_bank, "MAXIMUM_FILE_BYTES", 10)
    assert fetch(day, bank) == 0
    assert [state for _, state in work(day)] == ["open"]
    assert rows(day, "SELECT 1 FROM statement_file") == []
