"""Files written in parts: whole, once, and only what was approved."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments.bank.attempts import claim_attempt, record_answer
from payments.bank.content import SealedContent
from payments.bank.formats.profile import FileProfile
from payments.bank.provider import Acknowledged
from payments.bank.queries import list_payment_outcomes
from payments.bank.standard18_reader import read_file
from payments.bank.submissions import begin
from payments.bank.submissions.parts import write_part
from payments.bank.submissions.routes import Route, set_route
from shared.actors import SYSTEM
from shared.errors import Problem
from tests.payments.bank.bank_day import CLOSED, GOOD, NOW, BankDay
from tests.payments.bank.submissions.released import Payee, Released, release


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three payments to a part, so that a few make several."""
    monkeypatch.setattr(begin, "PART_PAYMENTS", 3)


def sent(day: BankDay, submission: UUID) -> bytes:
    ((sha256, size),) = one(
        day,
        f"SELECT content_sha256, content_bytes FROM attempt WHERE submission_id = '{submission}'",
    )
    content = SealedContent(
        day.database,
        day.vault,
        submission,
        size=0,
        sha256="",
        payment_count=0,
        total_pence=0,
        suffix="txt",
    )
    whole = b"".join(content.chunks())
    assert (len(whole), hashlib.sha256(whole).digest()) == (size, sha256)
    return whole


def one(day: BankDay, query: str) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(query))]


def work(day: BankDay) -> list[tuple[object, ...]]:
    return one(day, "SELECT kind, code, action, state FROM work_item ORDER BY id")


def eight(day: BankDay) -> Released:
    payees = [Payee(pence=100 + number) for number in range(7)]
    return release(day, *payees, Payee(CLOSED, 900, "ROLL-12"))


def test_the_file_is_whole_and_reaches_the_bank(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    assert run.begin() == submission
    assert run.write(submission) == [True, True, True]
    assert run.seal(submission)
    read = read_file(sent(day, submission))
    assert [credit.amount_pence for credit in read.credits] == [*range(100, 107), 900]
    assert (read.credits[-1].reference, read.credits[0].reference) == ("ROLL-12", "REF-0000")
    assert (read.total_pence, read.serial) == (1621, "000001")
    day.hand_over(submission)
    day.fetch_reports()
    rows = one(
        day,
        "SELECT state, approved_pence, recalled_count, acknowledged_count, accepted_pence"
        " FROM submission",
    )
    assert rows == [("reported", 1621, 0, 8, 1621)]
    with day.database.transaction() as session:
        kinds = [one.kind for one in list_payment_outcomes(session, run.payments[0])]
    assert kinds == ["submitted", "accepted"]


def test_parts_twice_and_in_any_order_make_the_same_file(day: BankDay) -> None:
    first, second = eight(day), eight(day)
    files = []
    for run, order in ((first, (1, 2, 3)), (second, (3, 1, 3, 2, 1))):
        submission = run.begin()
        assert all(run.write(submission, *order))
        assert run.seal(submission)
        assert not run.seal(submission)
        files.append(sent(day, submission))
    assert read_file(files[1]).credits == read_file(files[0]).credits
    assert len(files[1]) == len(files[0])
    assert one(day, "SELECT count(*) FROM submission_item") == [(16,)]
    assert one(day, "SELECT items_done, pence_done FROM stage") == [(8, 1621)] * 2


def test_two_workers_write_a_part_once(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: run.write(submission, 2), range(4)))
    assert one(day, "SELECT count(*) FROM submission_item") == [(3,)]


def test_two_workers_seal_and_send_once(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    run.write(submission)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: run.seal(submission), range(4))) == 1
        list(pool.map(lambda _: day.hand_over(submission), range(4)))
    day.hand_over(submission)
    # Who asks before the bank has it all sends the same bytes again, under the same id.
    assert one(day, "SELECT state FROM attempt ORDER BY number DESC LIMIT 1") == [("acknowledged",)]
    truth = day.http.get("/admin/truth").json()["items"]
    assert sum(row["count"] for row in truth) == 8


def test_a_file_with_a_part_missing_is_not_sealed(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    run.write(submission, 1, 3)
    assert not run.seal(submission)
    assert one(day, "SELECT state, content_sha256 FROM attempt") == [("prepared", None)]
    assert work(day) == [("totals_differ", "totals", "find_out", "open")]


def test_a_name_that_no_file_can_carry_stops_it(day: BankDay) -> None:
    run = release(day, Payee(), Payee(name="!"), Payee())
    submission = run.begin()
    assert run.write(submission) == [False]
    assert not run.seal(submission)
    assert work(day)[0] == ("file_stopped", "not_writable", "find_out", "open")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("payee_name = 'Somebody Else'", "content_differs"),
        ("gl_code = '4711'", "content_differs"),
        ("details_sealed = '\\x0100'", "content_differs"),
        ("content_sha256 = NULL", "content_differs"),
        ("amount_pence = 999", "totals"),
        ("state = 'recalled'", "totals"),
    ],
)
def test_what_was_not_approved_stops_the_file(day: BankDay, change: str, code: str) -> None:
    run = eight(day)
    submission = run.begin()
    with day.database.transaction() as session:
        session.execute(
            text(f"UPDATE payment SET {change} WHERE id = :id"), {"id": run.payments[4]}
        )
    assert run.write(submission) == [True, False, True]
    assert run.write(submission) == [True, False, True]
    assert not run.seal(submission)
    kind = "totals_differ" if code == "totals" else "file_stopped"
    assert work(day)[0] == (kind, code, "find_out", "open")
    assert one(day, "SELECT count(*) FROM submission_item") == [(5,)]
    assert one(day, "SELECT number FROM submission_part WHERE content_sha256 IS NULL") == [(2,)]
    assert one(day, "SELECT count(*) FROM outbox WHERE topic = 'payments.bank.submit'") == [(0,)]


def test_what_differs_from_the_approval_is_not_begun(day: BankDay) -> None:
    run = release(day, Payee(), Payee(), declared=(2, 201))
    submission = run.begin()
    assert one(day, "SELECT count(*) FROM stage") == [(0,)]
    assert work(day) == [("totals_differ", "", "find_out", "open")]
    assert run.begin() == submission
    assert len(work(day)) == 1


def test_a_recalled_payment_is_part_of_the_comparison(day: BankDay) -> None:
    run = eight(day)
    with day.database.transaction() as session:
        session.execute(
            text("UPDATE payment SET state = 'recalled' WHERE id = :id"), {"id": run.payments[0]}
        )
    submission = run.begin()
    run.write(submission)
    assert run.seal(submission)
    assert len(read_file(sent(day, submission)).credits) == 7
    assert one(day, "SELECT recalled_count, recalled_pence FROM submission") == [(1, 100)]


@pytest.mark.parametrize(
    ("rail", "reason", "pence", "code"),
    [
        ("faster_payments", "", 100, "rail_reason_missing"),
        ("chaps", "  ", 100, "rail_reason_missing"),
        ("payment_order", "no bank account", 100, "rail_not_for_files"),
        ("faster_payments", "urgent", 100_000_001, "amount_over_limit"),
    ],
)
def test_a_rail_that_is_not_possible_begins_nothing(
    day: BankDay, rail: str, reason: str, pence: int, code: str
) -> None:
    run = release(day, Payee(pence=pence), rail=rail, rail_reason=reason)
    with pytest.raises(Problem, match=code):
        run.begin()
    assert one(day, "SELECT count(*) FROM submission") == [(0,)]


def test_a_run_that_is_not_released_or_is_empty_begins_nothing(day: BankDay) -> None:
    run = eight(day)
    with day.database.transaction() as session:
        session.execute(text("UPDATE payment SET state = 'recalled'"))
    with pytest.raises(Problem, match="run_empty"):
        run.begin()
    with day.database.transaction() as session:
        session.execute(text("UPDATE run SET state = 'approved'"))
    with pytest.raises(Problem, match="run_state"):
        run.begin()
    assert one(day, "SELECT count(*) FROM submission") == [(0,)]


def test_the_profile_of_the_sponsor_bank_shapes_the_file(day: BankDay) -> None:
    profile = FileProfile(line_end="\n", owner_name="BANK01", file_number="1", free_format="0000")
    with day.database.transaction() as session:
        set_route(session, day.account, "bacs", Route("standard18", "https", profile), SYSTEM)
    run = eight(day)
    submission = run.begin()
    run.write(submission)
    assert run.seal(submission)
    content = sent(day, submission)
    assert b"\r" not in content
    lines = content.decode().split("\n")
    assert (lines[0][31:37], lines[1][14], lines[4][31:35]) == ("BANK01", "1", "0000")
    read_file(content)


def test_a_bank_that_counted_otherwise_is_not_believed(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    run.write(submission)
    run.seal(submission)
    with day.database.transaction() as session:
        claim = claim_attempt(session, submission, NOW)
    assert claim is not None
    with day.database.transaction() as session:
        assert record_answer(session, claim, Acknowledged("OK", 8, 1620), NOW)
    assert one(day, "SELECT state FROM attempt") == [("unknown",)]
    assert one(day, "SELECT state, acknowledged_count FROM submission") == [("prepared", None)]
    assert work(day) == [("totals_differ", "", "find_out", "open")]


def test_written_parts_never_change(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    run.write(submission, 1)
    for change in ("content_sealed = 'x'", "total_pence = 1"):
        with pytest.raises(DBAPIError) as caught, day.database.transaction() as session:
            session.execute(text(f"UPDATE submission_part SET {change} WHERE number = 1"))
        assert caught.value.orig is not None
        assert caught.value.orig.sqlstate == "LG021"  # type: ignore[attr-defined]  # psycopg has it


def test_details_are_sealed_in_every_part(day: BankDay) -> None:
    run = eight(day)
    submission = run.begin()
    run.write(submission)
    run.seal(submission)
    sealed = one(day, "SELECT content_sealed FROM submission_part")
    assert len(sealed) == 5
    assert not any(GOOD[1].encode() in bytes(row[0]) for row in sealed)  # type: ignore[call-overload]  # bytea


def test_an_old_stage_writes_nothing_more(day: BankDay) -> None:
    eight(day).begin()
    (stage,) = one(day, "SELECT id FROM stage")
    with day.database.transaction() as session:
        session.execute(text("UPDATE submission SET stage_id = NULL"))
    with day.database.transaction() as session:
        assert write_part(session, day.vault, stage[0], 1, NOW)  # type: ignore[arg-type]  # a UUID
    assert one(day, "SELECT count(*) FROM submission_item") == [(0,)]
