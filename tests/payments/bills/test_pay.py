"""A bill is paid exactly once, booked, expected at the bank, and told of."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.bills.actions.issue import cancel_bill
from payments.bills.rules import RejectReason
from shared.db import Database
from tests.payments.bills.counter import (
    DUE,
    PENCE,
    REFERENCE,
    TODAY,
    balances,
    count,
    issue,
    pay,
    state,
)
from tests.payments.runs.world import BODY, NOW, UNA

INCOME = {"payout_in_transit": PENCE, "programme_income": -PENCE}


def test_a_paid_bill_is_booked_and_expected_at_the_bank(session: Session) -> None:
    issue(session)
    answered = pay(session)
    assert (answered.transfer.is_accepted, answered.is_replay) == (True, False)
    assert state(session) == "paid"
    assert balances(session) == INCOME
    row = session.execute(
        text(
            "SELECT e.target_type, e.amount_pence, e.due_on, e.end_to_end_id, e.reference,"
            " e.reference_key, e.ledger_account, b.body FROM expected_item e"
            " JOIN bank_account b ON b.id = e.bank_account_id"
        )
    ).one()
    assert tuple(row) == (
        "expected_item",
        PENCE,
        TODAY,
        "PAYREF-0001",
        REFERENCE,
        "CT20260001",
        "payout_in_transit",
        BODY,
    )


def test_the_same_message_again_changes_nothing(session: Session) -> None:
    issue(session)
    first = pay(session, amount_pence=PENCE)
    for amount in (PENCE, None):
        again = pay(session, amount_pence=amount)
        assert (again.transfer, again.is_replay) == (first.transfer, True)
    assert (balances(session), count(session, "bill_transfer")) == (INCOME, 1)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("billId", {"bill_reference": "OTHER"}),
        ("paymentReferenceID", {"payment_reference": "OTHER"}),
        ("billInquiryRequestId", {"inquiry_id": "other"}),
        ("amount", {"amount_pence": 1}),
    ],
    ids=["bill", "reference", "inquiry", "amount"],
)
def test_an_id_with_other_content_is_refused_and_named(
    session: Session, name: str, changes: dict[str, object]
) -> None:
    issue(session)
    pay(session)
    again = pay(session, **changes)
    assert (again.transfer.is_accepted, again.transfer.reject_reason) == (False, "Dup")
    assert name in again.transfer.words
    assert (balances(session), count(session, "bill_transfer")) == (INCOME, 1)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("Und", {"bill_reference": "UNKNOWN"}),
        ("Def", {"amount_pence": PENCE - 1}),
        ("Und", {"organisation": "glenmore"}),
        ("Und", {"is_rehearsal": True}),
    ],
    ids=["unknown", "amount", "other-body", "rehearsal"],
)
def test_a_refused_message_stays_refused(
    session: Session, reason: RejectReason, changes: dict[str, object]
) -> None:
    issue(session)
    for is_replay in (False, True):
        answered = pay(session, **changes)
        assert (answered.transfer.reject_reason, answered.is_replay) == (reason, is_replay)
    assert (state(session), balances(session)) == ("open", {})
    assert count(session, "expected_item") == 0


def test_a_paid_bill_is_a_double_to_everybody_else(session: Session) -> None:
    issue(session)
    pay(session)
    for changes in ({"request_id": "pay-0002"}, {"institution": "other-bank"}):
        answered = pay(session, **changes)
        assert (answered.transfer.is_accepted, answered.transfer.reject_reason) == (False, "Dup")
    assert balances(session) == INCOME


def test_the_clock_decides_before_the_worker_does(session: Session) -> None:
    issue(session)
    last_minute = NOW + (DUE - TODAY)
    late = pay(session, now=last_minute + timedelta(days=1))
    assert (late.transfer.reject_reason, late.transfer.words) == ("Def", "The bill has expired")
    assert pay(session, now=last_minute, request_id="pay-0002").transfer.is_accepted


def test_a_cancelled_bill_is_not_paid(session: Session) -> None:
    issue(session)
    cancel_bill(session, BODY, REFERENCE, "Issued twice", UNA, NOW)
    assert pay(session).transfer.reject_reason == "Def"
    assert (state(session), balances(session)) == ("cancelled", {})


@pytest.mark.parametrize("same", [True, False], ids=["same-id", "other-ids"])
def test_of_many_at_once_one_pays(database: Database, *, same: bool) -> None:
    with database.transaction() as session:
        issue(session)
    barrier = Barrier(4)

    def race(number: int) -> tuple[bool, bool]:
        barrier.wait()
        with database.transaction() as session:
            answered = pay(session, request_id="pay-0001" if same else f"pay-{number}")
        return answered.transfer.is_accepted, answered.is_replay

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(race, range(4)))
    accepted = [(True, False), (True, True), (True, True), (True, True)]
    assert sorted(told) == (accepted if same else [(False, False)] * 3 + [(True, False)])
    with database.transaction() as session:
        assert balances(session) == INCOME
        assert count(session, "expected_item") == 1


def test_listeners_hear_of_a_paid_bill(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO webhook_endpoint (id, organisation, url, description, event_types, state,"
            " state_at, created_at, created_by)"
            " SELECT gen_random_uuid(), :body, 'https://finance.example/hooks', '',"
            " ARRAY['bill.paid'], 'enabled', now(), now(), 'Ada'"
        ),
        {"body": BODY},
    )
    issue(session)
    pay(session)
    data = session.execute(text("SELECT data FROM webhook_event")).scalar_one()
    assert (data["bill"], data["amount_pence"]) == (REFERENCE, PENCE)
    assert "Morag" not in str(data)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bill_transfer SET payment_reference = 'x'",
        "DELETE FROM bill_transfer",
        "UPDATE bill SET amount_pence = 1",
        "DELETE FROM bill",
        "DELETE FROM bill_event",
    ],
    ids=range(5),
)
def test_the_database_keeps_what_was_said(session: Session, statement: str) -> None:
    issue(session)
    pay(session)
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text(statement))
