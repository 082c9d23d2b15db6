"""Lines that came before the bank's answer are matched when it is known."""

from uuid import UUID

import pytest
from sqlalchemy import text

from payments.bank.queries import list_payment_outcomes
from payments.reconciliation import tasks
from payments.reconciliation.actions import import_statements
from payments.reconciliation.importing import fetching
from payments.reconciliation.queries import Proof, list_exceptions, prove
from shared.actors import SYSTEM
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, NOW, REJECTED, BankDay
from tests.payments.reconciliation.statements import Entry, camt


def fetch(day: BankDay) -> int:
    return fetching.fetch_statements(day.database, day.bank, day.vault, lambda: NOW)


def proof(day: BankDay) -> Proof:
    with day.database.transaction() as session:
        return prove(session, BODY)


def codes(day: BankDay) -> list[str]:
    with day.database.transaction() as session:
        return sorted(one.code for one in list_exceptions(session, BODY))


def kinds(day: BankDay, payment: UUID) -> list[str]:
    with day.database.transaction() as session:
        return [one.kind for one in list_payment_outcomes(session, payment)]


def asked(day: BankDay) -> list[str]:
    with day.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT key FROM outbox WHERE topic = 'payments.reconciliation.rematch' ORDER BY id"
            )
        )
        return [key.partition("/")[2] for key in rows.scalars()]


def suspense(day: BankDay) -> list[tuple[str, str, int]]:
    """Return the entries of suspense as event, kind and amount."""
    with day.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT e.event_type, e.kind, p.amount FROM entry e"
                " JOIN posting p ON p.entry_id = e.id JOIN account a ON a.id = p.account_id"
                " WHERE a.code LIKE 'suspense.%' ORDER BY e.id"
            )
        )
        return [tuple(row) for row in rows]


def counts(day: BankDay) -> list[int]:
    with day.database.transaction() as session:
        return [
            session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("entry", "match", "reconciliation_exception", "bank_outcome")
        ]


def lost_answer(day: BankDay, *payments: tuple[tuple[str, str], int]) -> tuple[UUID, list[UUID]]:
    """Hand a run over whose acknowledgement is lost, and go to its entry day."""
    _, submission, ids = day.run(*payments)
    day.fault("accept_then_drop")
    day.hand_over(submission)
    day.next_day()
    day.next_day()
    return submission, ids


@pytest.mark.parametrize("answer", ["acknowledged", "reported"])
def test_a_debit_and_a_return_before_the_answer_are_matched_after_it(
    day: BankDay, answer: str
) -> None:
    submission, (good, closed) = lost_answer(day, (GOOD, 700), (CLOSED, 300))
    assert fetch(day) == 1
    assert codes(day) == ["AMT", "RETURN_NO_ORIGINAL"]
    assert suspense(day) == [
        ("line.unidentified", "posted", 1000),
        ("line.unidentified", "posted", -300),
    ]
    tasks.rematch(day.job(submission))
    assert codes(day) == ["AMT", "RETURN_NO_ORIGINAL"]
    if answer == "acknowledged":
        day.hand_over(submission)
        assert asked(day) == ["acknowledged"]
    else:
        day.fetch_reports()
        assert asked(day) == ["acknowledged", "reported"]
    tasks.rematch(day.job(submission))
    # With the bank's advice it is work of the bank's room, without it an exception here.
    assert codes(day) == (["RETURN"] if answer == "acknowledged" else [])
    assert suspense(day)[2:] == [
        ("line.identified", "reversal", -1000),
        ("line.identified", "reversal", 300),
    ]
    before = counts(day)
    tasks.rematch(day.job(submission))
    assert counts(day) == before
    day.fetch_reports()
    assert "paid" in kinds(day, good)
    assert "returned" in kinds(day, closed)
    shown = proof(day)
    assert shown.holds
    (account,) = shown.accounts
    assert (account.suspense_pence, account.reserved_pence) == (0, 0)
    assert (shown.in_transit_pence, shown.returns_receivable_pence) == (0, 0)


def test_a_debit_of_less_than_was_sent_waits_for_the_report(day: BankDay) -> None:
    submission, _ = lost_answer(day, (GOOD, 700), (REJECTED, 50))
    fetch(day)
    day.hand_over(submission)
    tasks.rematch(day.job(submission))
    assert codes(day) == ["AMT"]
    assert [one[0] for one in suspense(day)] == ["line.unidentified"]
    day.fetch_reports()
    tasks.rematch(day.job(submission))
    assert codes(day) == []
    assert proof(day).holds
    assert proof(day).accounts[0].reserved_pence == 0


def test_one_return_and_two_equal_payments_are_ambiguous_and_stay_in_suspense(
    day: BankDay,
) -> None:
    submissions = [day.run((CLOSED, 300))[1] for _ in range(2)]
    for submission in submissions:
        day.fault("accept_then_drop")
        day.hand_over(submission)
    line = Entry(300, reference="REF-0000", other="20191855555555", reason="AC04")
    with day.database.transaction() as session:
        content = camt(1, 500_000, (line,))
        import_statements(session, day.vault, BODY, "file.xml", content, SYSTEM, NOW)
    assert codes(day) == ["RETURN_NO_ORIGINAL"]
    for submission in submissions:
        day.hand_over(submission)
    for _ in range(2):
        tasks.rematch(day.job(submissions[0]))
        assert codes(day) == ["AMB"]
        assert suspense(day) == [("line.unidentified", "posted", -300)]
        assert counts(day)[1:3] == [0, 2]
