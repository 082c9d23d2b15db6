"""Files over SFTP: dropped once, whole or not at all, at the pinned bank only."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest
from sqlalchemy import text

from payments.bank import tasks
from payments.bank.content import Content
from payments.bank.provider import Acknowledged, BankUnavailableError, OutcomeUnknownError, Refused
from payments.bank.providers.sftp_bank import SftpAccess, SftpBank
from payments.bank.simulator import SftpDoor, make_desk
from payments.bank.simulator.desk import Desk
from payments.bank.standard18 import write_file
from tests.payments.bank.bank_day import DAY, GOOD, BankDay
from tests.payments.bank.submissions.released import Payee, release
from tests.payments.bank.test_standard18 import CREDIT, US

SUBMISSION = "0192-our-id"


class Written:
    """A whole file as content to hand over; it can break off in the middle."""

    def __init__(self, content: bytes, *, breaks: bool = False) -> None:
        self.content, self.breaks = content, breaks
        self.size, self.sha256, self.suffix = len(content), sha256(content).hexdigest(), "txt"
        self.payment_count, self.total_pence = 1, CREDIT.amount_pence

    def chunks(self) -> Iterator[bytes]:
        yield self.content[:100]
        if self.breaks:
            raise ConnectionResetError("the line went dead")
        yield self.content[100:]


def make_file(*, breaks: bool = False) -> Content:
    return Written(write_file(US, "000123", DAY, DAY, [CREDIT]).content, breaks=breaks)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path / "bank", tmp_path / "none.yaml", DAY)


@pytest.fixture
def access(desk: Desk, tmp_path: Path) -> Iterator[SftpAccess]:
    key = tmp_path / "our_key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(key))
    door = SftpDoor(desk, tmp_path / "bank", "127.0.0.1", 0)
    pinned = tmp_path / "bank" / "bank_host_key.pub"
    yield SftpAccess("127.0.0.1", door.port, "clachan", key, pinned, receipt_seconds=1.0)
    door.close()


def items(desk: Desk) -> int:
    with desk.store.work() as connection:
        return int(connection.execute("SELECT count(*) FROM item").fetchone()[0])


def test_a_file_is_dropped_and_receipted_once(desk: Desk, access: SftpAccess) -> None:
    bank = SftpBank(access)
    first = bank.submit(SUBMISSION, make_file())
    assert first == Acknowledged("ACK123456000123", 1, CREDIT.amount_pence)
    assert bank.submit(SUBMISSION, make_file()) == first
    assert bank.ask(SUBMISSION, make_file()) == first
    assert items(desk) == 1


def test_an_interrupted_upload_hands_nothing_over(desk: Desk, access: SftpAccess) -> None:
    bank = SftpBank(access)
    assert bank.submit(SUBMISSION, make_file(breaks=True)) is None
    assert items(desk) == 0
    assert bank.ask(SUBMISSION, make_file()) is None
    assert isinstance(bank.submit(SUBMISSION, make_file()), Acknowledged)
    assert items(desk) == 1


def test_a_bank_with_another_key_gets_nothing(
    desk: Desk, access: SftpAccess, tmp_path: Path
) -> None:
    other = paramiko.ECDSAKey.generate()
    pinned = tmp_path / "other.pub"
    pinned.write_text(f"{other.get_name()} {other.get_base64()} of somebody\n")
    wrong = SftpBank(replace(access, host_key_file=pinned))
    assert wrong.submit(SUBMISSION, make_file()) is None
    with pytest.raises(OutcomeUnknownError, match="HostKeyError"):
        wrong.ask(SUBMISSION, make_file())
    with pytest.raises(BankUnavailableError, match="HostKeyError"):
        wrong.list_reports()
    assert items(desk) == 0


def test_a_key_that_is_not_authorised_is_refused(
    desk: Desk, access: SftpAccess, tmp_path: Path
) -> None:
    (tmp_path / "bank" / "sftp" / "authorized_keys").write_text("somebody-else\n")
    assert SftpBank(access).submit(SUBMISSION, make_file()) is None
    assert items(desk) == 0


def test_a_refusal_is_told_by_the_receipt(desk: Desk, access: SftpAccess) -> None:
    desk.order_fault("refuse", 1)
    answer = SftpBank(access).submit(SUBMISSION, make_file())
    assert isinstance(answer, Refused)
    assert answer.code == "CLOSED"


@pytest.mark.parametrize("kind", ["accept_then_drop", "time_out_before", "duplicate_ack"])
def test_without_a_clear_receipt_the_outcome_is_unknown(
    desk: Desk, access: SftpAccess, kind: str
) -> None:
    desk.order_fault(kind, 1)
    bank = SftpBank(access)
    for call in (bank.submit, bank.ask):
        with pytest.raises(OutcomeUnknownError):
            call(SUBMISSION, make_file())
    assert items(desk) == (0 if kind == "time_out_before" else 1)


def test_a_bank_without_receipts_has_what_lies_in_its_folder(access: SftpAccess) -> None:
    bank = SftpBank(replace(access, receipts=False))
    assert bank.submit(SUBMISSION, make_file()) == Acknowledged(f"sftp {SUBMISSION}")


def test_a_closed_bank_gets_nothing_and_gives_nothing(desk: Desk, access: SftpAccess) -> None:
    desk.set_away(away=True)
    bank = SftpBank(access)
    assert bank.submit(SUBMISSION, make_file()) is None
    with pytest.raises(BankUnavailableError):
        bank.list_reports()
    desk.set_away(away=False)
    assert isinstance(bank.submit(SUBMISSION, make_file()), Acknowledged)


def test_reports_and_statements_are_fetched(desk: Desk, access: SftpAccess) -> None:
    bank = SftpBank(access)
    bank.submit(SUBMISSION, make_file())
    (report,) = bank.list_reports()
    assert (report.id, report.kind) == ("IR-123456-000123", "input_report")
    assert b"volumeSerialNumber" in bank.get_report(report.id)
    for _ in range(2):
        desk.advance()
    (statement,) = bank.list_statements(US.sort_code, US.account_number)
    assert b"BkToCstmrStmt" in bank.get_statement(statement.id)
    assert bank.list_statements("000000", "00000000") == []
    for odd in ("../bank.sqlite3", ".hidden", ""):
        with pytest.raises(BankUnavailableError):
            bank.get_report(odd)


def test_a_submission_goes_through_the_channel_of_its_account(
    day: BankDay, desk: Desk, access: SftpAccess
) -> None:
    run = release(day, Payee(GOOD, 700), Payee(GOOD, 300))
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO bank_route (bank_account_id, rail, file_format, channel)"
                " VALUES (:account, 'bacs', 'standard18', 'sftp')"
            ),
            {"account": day.account},
        )
    submission = run.begin()
    run.write(submission)
    assert run.seal(submission)
    bank = SftpBank(access)
    tasks.hand_over(day.job(submission), bank)
    assert tasks.fetch_reports(day.database, bank, day.vault, day.job(submission).now) == 1
    with day.database.transaction() as session:
        row = session.execute(text("SELECT channel, state, accepted_pence FROM submission")).one()
    assert tuple(row) == ("sftp", "reported", 1000)
    assert items(desk) == 2
