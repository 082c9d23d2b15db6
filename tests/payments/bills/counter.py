"""Ways to issue and pay bills, and to look at what they left behind."""

from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bills.actions.issue import issue_bill
from payments.bills.actions.pay import Answered, PaymentNotice, pay_bill
from payments.bills.queries import Bill
from payments.bills.rules import NewBill
from shared.clock import london_date
from tests.payments.runs.world import BODY, GATEWAY, NOW, UNA

TODAY = london_date(NOW)
DUE = TODAY + timedelta(days=30)
REFERENCE = "CT-2026-0001"
PENCE = 12_050


def new_bill(**changes: object) -> NewBill:
    """Return a good bill, changed as asked."""
    values: dict[str, object] = {
        "programme": "winter-heating",
        "reference": REFERENCE,
        "payer_name": "Morag Fictional",
        "amount_pence": PENCE,
        "description": "Garden waste permit",
        "due_on": DUE,
    }
    return NewBill(**{**values, **changes})  # type: ignore[arg-type]  # members by name


def issue(session: Session, *, client_id: str | None = None, **changes: object) -> Bill:
    """Issue a bill as its page does."""
    return issue_bill(session, BODY, new_bill(**changes), UNA, NOW, client_id=client_id)


def pay(session: Session, /, **changes: object) -> Answered:
    """Say that a bill was paid, as a provider does, at ``now`` where another time is given."""
    values: dict[str, object] = {
        "organisation": BODY,
        "is_rehearsal": False,
        "institution": "payer-bank",
        "request_id": "pay-0001",
        "bill_reference": REFERENCE,
        "payment_reference": "PAYREF-0001",
    }
    now = changes.pop("now", NOW)
    assert isinstance(now, datetime)
    notice = PaymentNotice(**{**values, **changes})  # type: ignore[arg-type]  # members by name
    return pay_bill(session, notice, GATEWAY, now)


def state(session: Session, reference: str = REFERENCE) -> str:
    """Return the state of a bill."""
    query = text("SELECT state FROM bill WHERE reference = :reference")
    return str(session.execute(query, {"reference": reference}).scalar_one())


def count(session: Session, table: str) -> int:
    """Return how many rows a table has."""
    return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def balances(session: Session) -> dict[str, int]:
    """Return what each account of the body holds, without those that hold nothing."""
    rows = session.execute(
        text(
            "SELECT a.code, sum(p.amount)::bigint AS pence FROM posting p"
            " JOIN account a ON a.id = p.account_id WHERE NOT p.pending AND a.body = :body"
            " GROUP BY a.code HAVING sum(p.amount) <> 0 ORDER BY a.code"
        ),
        {"body": BODY},
    )
    return {row.code: row.pence for row in rows}


def day(offset: int) -> date:
    """Return a day so many days from the tests' today."""
    return TODAY + timedelta(days=offset)
