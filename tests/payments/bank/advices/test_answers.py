"""What the bank says of single payments becomes facts and work, and never a silent fix."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.bank import tasks
from payments.bank.intake import take_report
from payments.bank.queries import list_payment_outcomes
from payments.ledger.queries import list_faults
from tests.payments.bank.advices.test_readers import group, status, transaction
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, MOVED, NOW, REJECTED, BankDay
from tests.payments.bank.submissions.released import Payee, Released, release


def rows(day: BankDay, query: str) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        assert list_faults(session, BODY) == []
        return [tuple(row) for row in session.execute(text(query))]


def work(day: BankDay) -> list[tuple[object, ...]]:
    return rows(day, "SELECT kind, code, action FROM work_item ORDER BY kind, code")


def send(day: BankDay, *payees: Payee, rail: str = "bacs") -> tuple[Released, UUID]:
    run = release(day, *payees, rail=rail, rail_reason="" if rail == "bacs" else "urgent repair")
    submission = run.begin()
    run.write(submission)
    assert run.seal(submission)
    day.hand_over(submission)
    return run, submission


def told(day: BankDay, run: Released) -> list[list[str]]:
    with day.database.transaction() as session:
        return [[one.kind for one in list_payment_outcomes(session, p)] for p in run.payments]


def take(day: BankDay, name: str, content: str) -> bool:
    with day.database.transaction() as session:
        return take_report(session, day.vault, name, "pain.002", content.encode(), NOW)


def test_chaps_goes_as_pain001_and_comes_back_as_pain002(day: BankDay) -> None:
    run, _ = send(day, Payee(GOOD, 700), Payee(REJECTED, 300), rail="chaps")
    assert day.fetch_reports() == 1
    assert told(day, run) == [["submitted", "accepted"], ["submitted", "rejected"]]
    assert work(day) == [("rejected", "AC01", "correct_details")]
    figures = "SELECT state, accepted_pence, rejected_pence, file_format FROM submission"
    assert rows(day, figures) == [("reported", 700, 300, "pain.001.001.09")]
    assert day.fetch_reports() == 0


def test_faster_payments_take_a_standard18_file(day: BankDay) -> None:
    run, _ = send(day, Payee(GOOD, 700), Payee(CLOSED, 50), rail="faster_payments")
    day.next_day()
    day.fetch_reports()
    assert told(day, run) == [["submitted", "accepted"], ["submitted", "accepted", "returned"]]
    assert work(day) == [("returned", "B", "ask_payee")]


def test_verdicts_come_bit_by_bit(day: BankDay) -> None:
    run, _ = send(day, Payee(GOOD, 700), Payee(GOOD, 300), Payee(GOOD, 50), rail="chaps")
    names = [str(row[0]) for row in rows(day, "SELECT public_id FROM payment ORDER BY id")]
    first = status("", "", transaction(names[0], "ACSP") + transaction(names[1], "PDNG"))
    assert take(day, "P1", first)
    assert told(day, run) == [["submitted", "accepted"], ["submitted"], ["submitted"]]
    assert rows(day, "SELECT state FROM submission") == [("acknowledged",)]
    assert take(day, "P2", status("", "", transaction(names[1], "RJCT")))
    assert take(day, "P3", status(group("ACCP")))
    assert told(day, run) == [
        ["submitted", "accepted"],
        ["submitted", "rejected"],
        ["submitted", "accepted"],
    ]
    figures = "SELECT state, accepted_count, accepted_pence, rejected_pence FROM submission"
    assert rows(day, figures) == [("reported", 2, 750, 300)]
    assert take(day, "P4", status(group("ACCP")))
    assert rows(day, "SELECT problem FROM bank_report WHERE bank_report_id = 'P4'") == [
        ("the same content as report P3",)
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (status("", "", transaction("NOBODY", "RJCT")), "no payment of this message is NOBODY"),
        (status(group("ACCP")).replace("123456000001<", "123456000077<"), "no message of ours"),
        (status(group("ACCP"), extra="<OrgnlNbOfTxs>9</OrgnlNbOfTxs>"), "the file holds 1"),
        (status(group("ACCP"), extra="<OrgnlCtrlSum>7.01</OrgnlCtrlSum>"), "the file holds 700"),
        ("opposite", "was accepted before, now rejected"),
    ],
    ids=["stranger", "message", "count", "sum", "opposite"],
)
def test_a_contradiction_moves_nothing_and_is_work(day: BankDay, content: str, words: str) -> None:
    run, _ = send(day, Payee(GOOD, 700), rail="chaps")
    if content == "opposite":
        take(day, "P0", status(group("ACCP")))
        ((name,),) = rows(day, "SELECT public_id FROM payment")
        content = status("", "", transaction(str(name), "RJCT"))
    before = told(day, run)
    assert take(day, "P1", content)
    assert told(day, run) == before
    ((state, problem),) = rows(
        day, "SELECT state, problem FROM bank_report WHERE bank_report_id = 'P1'"
    )
    assert state == "unread"
    assert words in str(problem)
    assert work(day) == [("report_contradicts", "", "find_out")]


def test_a_whole_message_that_is_rejected_frees_its_reservation(day: BankDay) -> None:
    run, _ = send(day, Payee(GOOD, 700), Payee(GOOD, 300), rail="chaps")
    take(day, "P1", status(group("RJCT")))
    assert told(day, run) == [["submitted", "rejected"]] * 2
    assert rows(day, "SELECT state, accepted_count FROM submission") == [("reported", 0)]
    pending = "SELECT count(*) FROM entry WHERE event_type = 'submission.void'"
    assert rows(day, pending) == [(1,)]


def test_awacs_makes_work_and_leaves_the_payment(day: BankDay) -> None:
    run, _ = send(day, Payee(MOVED, 700), Payee(GOOD, 300))
    for _ in range(2):
        day.next_day()
    assert day.fetch_reports() == 2
    assert told(day, run) == [["submitted", "accepted"]] * 2
    assert work(day) == [("amended", "3", "change_payee")]
    ((reason, sealed),) = rows(day, "SELECT reason, private_sealed FROM work_item")
    assert "••••4321" in str(reason)
    assert "the payee is not in the master" in str(reason)
    assert isinstance(sealed, bytes)
    assert b"87654321" not in sealed
    logged = rows(day, "SELECT details::text FROM audit_event")
    assert not any("87654321" in str(row[0]) for row in logged)


def test_a_report_with_other_totals_is_a_contradiction(day: BankDay) -> None:
    day.fault("report_total_differs")
    run, _ = send(day, Payee(GOOD, 700))
    assert day.fetch_reports() == 1
    assert told(day, run) == [["submitted"]]
    assert work(day) == [("report_contradicts", "", "find_out")]


@pytest.mark.parametrize("kind", ["duplicate_ack", "ack_unknown_id"])
def test_an_answer_that_is_not_about_us_is_asked_about(day: BankDay, kind: str) -> None:
    day.fault(kind)
    run, submission = send(day, Payee(GOOD, 700))
    assert rows(day, "SELECT state FROM attempt") == [("unknown",)]
    assert told(day, run) == [[]]
    day.hand_over(submission)
    assert rows(day, "SELECT state FROM attempt") == [("acknowledged",)]
    truth = day.http.get("/admin/truth").json()["items"]
    assert [row["count"] for row in truth] == [1]


def test_an_acknowledgement_without_a_report_becomes_work(day: BankDay) -> None:
    day.fault("ack_before_commit")
    run, submission = send(day, Payee(GOOD, 700))
    assert rows(day, "SELECT state FROM submission") == [("acknowledged",)]
    job = day.job(submission)
    tasks.look_for_silence(day.database, submission, NOW)
    assert work(day) == []
    tasks.look_for_silence(day.database, submission, NOW + timedelta(days=4))
    tasks.look_for_silence(day.database, submission, NOW + timedelta(days=5))
    assert work(day) == [("outcome_unknown", "no_report", "find_out")]
    assert (job.finished, told(day, run)) == (False, [["submitted"]])


def test_late_returns_and_recalls_come_back(day: BankDay) -> None:
    day.fault("late_return")
    run, _ = send(day, Payee(CLOSED, 700), Payee(GOOD, 300))
    for _ in range(2):
        day.next_day()
    day.fetch_reports()
    assert told(day, run)[0] == ["submitted", "accepted"]
    assert day.http.post("/admin/recalls", json={"reference": "REF-0001"}).json() == {"recalled": 1}
    for _ in range(2):
        day.next_day()
    day.fetch_reports()
    assert told(day, run) == [["submitted", "accepted", "returned"]] * 2
    assert work(day) == [("returned", "B", "ask_payee"), ("returned", "C", "confirm_recall")]


def test_a_closed_bank_leaves_the_outcome_unknown(day: BankDay) -> None:
    day.http.post("/admin/outage", json={"away": True})
    run, submission = send(day, Payee(GOOD, 700))
    assert rows(day, "SELECT state FROM attempt") == [("unknown",)]
    day.http.post("/admin/outage", json={"away": False})
    for _ in range(2):
        day.hand_over(submission)
    assert rows(day, "SELECT state FROM attempt ORDER BY number") == [
        ("refused",),
        ("acknowledged",),
    ]
    assert told(day, run) == [["submitted"]]


def test_after_an_hour_an_unknown_outcome_is_work(day: BankDay) -> None:
    day.fault("time_out_before")
    _, submission = send(day, Payee(GOOD, 700))
    with day.database.transaction() as session:
        session.execute(text("UPDATE attempt SET sending_at = now() - interval '61 minutes'"))
    day.http.post("/admin/outage", json={"away": True})
    day.hand_over(submission)
    assert work(day) == [("outcome_unknown", "", "find_out")]
    day.http.post("/admin/outage", json={"away": False})
    for _ in range(2):
        day.hand_over(submission)
    assert rows(day, "SELECT state, result FROM work_item") == [("done", "the bank has the file")]
