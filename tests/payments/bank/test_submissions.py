from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments.bank import tasks
from payments.bank.attempts import claim_attempt, record_answer
from payments.bank.intake import take_report
from payments.bank.provider import Acknowledged, OutcomeUnknownError
from payments.bank.queries import (
    get_submission_of_run,
    list_outcomes,
    list_payment_outcomes,
    list_report_problems,
)
from payments.bank.submissions import begin_submission
from payments.ledger.queries import list_faults, trial_balance
from shared.errors import Problem
from tests.payments.bank.bank_day import (
    BODY,
    CLOSED,
    GOOD,
    NOW,
    REJECTED,
    UNKNOWN,
    BankDay,
    OtherBytes,
)


def balances(day: BankDay) -> dict[str, int]:
    with day.database.transaction() as session:
        assert list_faults(session, BODY) == []
        return {
            line.code: line.posted_pence
            for line in trial_balance(session, BODY)
            if line.posted_pence
        }


def pending(day: BankDay) -> list[tuple[str, int, int]]:
    with day.database.transaction() as session:
        return [
            (line.code, line.pending_debit, line.pending_credit)
            for line in trial_balance(session, BODY)
            if line.pending_debit or line.pending_credit
        ]


def ledger(day: BankDay) -> list[tuple[str, str, str]]:
    with day.database.transaction() as session:
        rows = session.execute(text("SELECT event_type, event_id, kind FROM entry ORDER BY id"))
        return [tuple(row) for row in rows]


def kinds(day: BankDay, payment: UUID) -> list[str]:
    with day.database.transaction() as session:
        return [one.kind for one in list_payment_outcomes(session, payment)]


def topics(day: BankDay) -> list[tuple[str, dict[str, str]]]:
    with day.database.transaction() as session:
        rows = session.execute(text("SELECT topic, payload FROM outbox ORDER BY id")).all()
        return [(row.topic, row.payload) for row in rows]


def attempts(day: BankDay) -> list[str]:
    with day.database.transaction() as session:
        found = session.execute(text("SELECT state FROM attempt ORDER BY number"))
        return list(found.scalars())


def at_bank(day: BankDay) -> list[tuple[str, int]]:
    rows = day.http.get("/admin/truth").json()["items"]
    return [(row["status"], row["count"]) for row in rows]


def test_a_run_goes_out_and_the_report_comes_back(day: BankDay) -> None:
    run_id, submission, (good, bad) = day.run((GOOD, 700), (REJECTED, 300))
    day.hand_over(submission)
    assert balances(day) == {"in_transit": -1000, "programme_expenditure": 1000}
    assert day.fetch_reports() == 1
    assert day.fetch_reports() == 0
    assert kinds(day, good) == ["submitted", "accepted"]
    assert kinds(day, bad) == ["submitted", "rejected"]
    assert balances(day) == {
        "in_transit": -700,
        "returned_unapplied": -300,
        "programme_expenditure": 1000,
    }
    with day.database.transaction() as session:
        view = get_submission_of_run(session, run_id)
        assert view is not None
        assert (view.state, view.attempt_state, view.serial) == (
            "reported",
            "acknowledged",
            "000001",
        )
        assert (view.accepted_count, view.accepted_pence, view.rejected_pence) == (1, 700, 300)
        batches = [
            UUID(payload["outcome_batch_id"])
            for topic, payload in topics(day)
            if topic == "payments.runs.apply_outcomes"
        ]
        told = [one for batch in batches for one in list_outcomes(session, batch)]
    assert [(one.payment_id, one.kind, one.reason_code) for one in told] == [
        (good, "submitted", ""),
        (bad, "submitted", ""),
        (bad, "rejected", "E"),
        (good, "accepted", ""),
    ]


def test_handing_over_twice_sends_once(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    for _ in range(3):
        day.hand_over(submission)
    assert at_bank(day) == [("accepted", 1)]
    assert attempts(day) == ["acknowledged"]
    assert [topic for topic, _ in topics(day)].count("payments.bank.fetch_reports") == 1


@pytest.mark.parametrize("kind", ["accept_then_drop", "time_out_before"])
def test_a_lost_answer_is_asked_about_and_never_guessed(day: BankDay, kind: str) -> None:
    _, submission, (one,) = day.run((GOOD, 700))
    day.fault(kind)
    day.hand_over(submission)
    assert attempts(day) == ["unknown"]
    assert kinds(day, one) == []
    assert "in_transit" not in balances(day)
    assert topics(day)[-1] == ("payments.bank.ask", {"submission_id": str(submission)})
    day.hand_over(submission)
    if kind == "time_out_before":
        assert attempts(day) == ["refused", "sealed"]
        day.hand_over(submission)
        assert attempts(day) == ["refused", "acknowledged"]
    else:
        assert attempts(day) == ["acknowledged"]
    assert at_bank(day) == [("accepted", 1)]
    assert kinds(day, one) == ["submitted"]
    assert balances(day)["in_transit"] == -700


def test_a_bank_that_is_away_leaves_the_attempt_unknown(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.fault("slow", seconds=4)
    day.hand_over(submission)
    assert attempts(day) == ["unknown"]
    for _ in range(40):
        if at_bank(day):
            break
    day.hand_over(submission)
    assert attempts(day)[0] in {"acknowledged", "refused"}


def test_a_refused_file_is_told_and_another_may_follow(day: BankDay) -> None:
    run_id, submission, (one,) = day.run((GOOD, 700))
    day.fault("refuse")
    day.hand_over(submission)
    assert attempts(day) == ["refused"]
    assert kinds(day, one) == ["refused"]
    assert balances(day) == {"returned_unapplied": -700, "programme_expenditure": 700}
    assert pending(day) == []
    assert at_bank(day) == []
    before = ledger(day)
    day.hand_over(submission)
    assert (ledger(day), kinds(day, one)) == (before, ["refused"])
    with (
        pytest.raises(Problem, match="run_refused"),
        day.database.transaction() as session,
    ):
        begin_submission(session, run_id, NOW)
    assert attempts(day) == ["refused"]
    with day.database.transaction() as session:
        view = get_submission_of_run(session, run_id)
    assert view is not None
    assert view.refusal == "CLOSED: the bank takes no files now"
    _, another, _ = day.run((GOOD, 50))
    day.hand_over(another)
    assert at_bank(day) == [("accepted", 1)]
    assert pending(day) == [("bank.main", 0, 50), ("in_transit", 50, 0)]


def test_a_file_of_which_every_item_is_rejected_frees_its_reservation(day: BankDay) -> None:
    _, submission, (one, two) = day.run((REJECTED, 300), (REJECTED, 50))
    day.hand_over(submission)
    assert pending(day) == [("bank.main", 0, 350), ("in_transit", 350, 0)]
    assert day.fetch_reports() == 1
    assert kinds(day, one) == kinds(day, two) == ["submitted", "rejected"]
    assert balances(day) == {"returned_unapplied": -350, "programme_expenditure": 350}
    assert pending(day) == []
    with day.database.transaction() as session:
        assert ("submission.void", "void") in session.execute(
            text("SELECT event_type, kind FROM entry")
        ).all()


def test_a_worker_that_died_while_sending_asks_first(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    with day.database.transaction() as session:
        dead = claim_attempt(session, submission, NOW)
    assert dead is not None
    assert dead.purpose == "send"
    day.bank.submit(str(submission), tasks.content_of(day.database, day.vault, dead))
    day.hand_over(submission)
    assert attempts(day) == ["acknowledged"]
    assert at_bank(day) == [("accepted", 1)]


def test_a_paused_worker_is_fenced_off(day: BankDay) -> None:
    _, submission, (one,) = day.run((GOOD, 700))
    with day.database.transaction() as session:
        paused = claim_attempt(session, submission, NOW)
        assert paused is not None
    with day.database.transaction() as session:
        claim_attempt(session, submission, NOW)
    with day.database.transaction() as session:
        assert not record_answer(session, paused, Acknowledged("late"), NOW)
    assert attempts(day) == ["unknown"]
    assert kinds(day, one) == []


def test_an_acknowledgement_of_other_bytes_counts_as_unknown(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    with pytest.raises(OutcomeUnknownError, match="other bytes"):
        day.bank.ask(str(submission), OtherBytes())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("state = 'sealed'", "LG020"),
        ("state = 'refused'", "LG020"),
        ("content_sha256 = ''", "LG021"),
        ("total_pence = 1", "LG021"),
    ],
)
def test_an_attempt_moves_by_its_table_only(day: BankDay, change: str, code: str) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    with pytest.raises(DBAPIError) as caught, day.database.transaction() as session:
        session.execute(text(f"UPDATE attempt SET {change}"))
    assert caught.value.orig is not None
    assert caught.value.orig.sqlstate == code  # type: ignore[attr-defined]  # psycopg has it
    assert attempts(day) == ["acknowledged"]


def test_a_second_open_attempt_is_impossible(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    with pytest.raises(DBAPIError, match="uq_attempt_open"), day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO attempt SELECT gen_random_uuid(), submission_id, 2, 'sealed',"
                " content_sha256, content_bytes, payment_count, total_pence, 0, now() FROM attempt"
            )
        )


def test_the_report_proves_a_lost_hand_over(day: BankDay) -> None:
    _, submission, (one,) = day.run((GOOD, 700))
    day.fault("accept_then_drop")
    day.hand_over(submission)
    assert day.fetch_reports() == 1
    assert attempts(day) == ["acknowledged"]
    assert kinds(day, one) == ["submitted", "accepted"]
    day.hand_over(submission)
    assert balances(day)["in_transit"] == -700


def test_the_same_report_from_four_threads_counts_once(day: BankDay) -> None:
    _, submission, (good, bad) = day.run((GOOD, 700), (REJECTED, 300))
    day.hand_over(submission)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: day.fetch_reports(), range(4)))
    assert sum(taken) == 1
    assert kinds(day, good) == ["submitted", "accepted"]
    assert kinds(day, bad) == ["submitted", "rejected"]
    assert balances(day)["returned_unapplied"] == -300


def test_returns_are_advised_with_their_reason(day: BankDay) -> None:
    _, submission, (good, closed, unknown) = day.run((GOOD, 700), (CLOSED, 300), (UNKNOWN, 50))
    day.hand_over(submission)
    assert day.next_day() == "2026-11-24"
    assert day.next_day() == "2026-11-25"
    assert day.fetch_reports() == 2
    assert kinds(day, good) == ["submitted", "accepted"]
    with day.database.transaction() as session:
        advised = [list_payment_outcomes(session, one)[-1] for one in (closed, unknown)]
    assert [(one.kind, one.reason_code, one.reason) for one in advised] == [
        ("returned", "B", "account closed"),
        ("returned", "5", "no account"),
    ]
    assert balances(day)["returns_receivable"] == 350
    assert at_bank(day) == [("applied", 1), ("returned", 1), ("returned", 1)]


def test_two_equal_payments_both_come_back(day: BankDay) -> None:
    _, first, (one,) = day.run((CLOSED, 300))
    _, second, (two,) = day.run((CLOSED, 300))
    for submission in (first, second):
        day.hand_over(submission)
    day.next_day()
    day.next_day()
    day.fetch_reports()
    assert (kinds(day, one)[-1], kinds(day, two)[-1]) == ("returned", "returned")


def test_an_unreadable_report_waits_for_a_person(day: BankDay) -> None:
    with day.database.transaction() as session:
        assert take_report(session, day.vault, "R1", "arucs", b"<oops", NOW)
    with day.database.transaction() as session:
        assert not take_report(session, day.vault, "R1", "arucs", b"<oops", NOW)
        (problem,) = list_report_problems(session, BODY)
    assert problem.state == "unread"
    assert problem.problem.startswith("line 1: ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'valueOf="7.00"', b'valueOf="6.00"', "the file holds 1 of 700"),
        (b'volumeSerialNumber="000001"', b'volumeSerialNumber="000009"', "no submission of ours"),
    ],
)
def test_a_report_that_contradicts_the_file_changes_nothing(
    day: BankDay, old: bytes, new: bytes, words: str
) -> None:
    _, submission, (one,) = day.run((GOOD, 700))
    day.hand_over(submission)
    content = day.bank.get_report("IR-123456-000001").replace(old, new)
    with day.database.transaction() as session:
        take_report(session, day.vault, "forged", "input_report", content, NOW)
    assert kinds(day, one) == ["submitted"]
    with day.database.transaction() as session:
        (problem,) = list_report_problems(session, BODY)
    assert words in problem.problem


def test_the_file_is_sealed_at_rest(day: BankDay) -> None:
    day.run((GOOD, 700))
    with day.database.transaction() as session:
        parts = session.execute(text("SELECT content_sealed FROM submission_part")).scalars().all()
        stored = session.execute(text("SELECT account_hash FROM submission_item")).scalar_one()
    assert len(parts) == 3
    assert GOOD[1].encode() not in b"".join(bytes(one) for one in parts) + bytes(stored)
