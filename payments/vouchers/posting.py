"""The accounting events of vouchers (payments contract 12), one function for each.

A settlement is a payment whose own approval books its cost once more. So ordering it takes the
redeemed worth back from payments approved, and its run books it there again.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from payments.ledger import rules
from payments.ledger.actions import post_entries
from payments.ledger.rules import transfer

Items = Sequence[tuple[UUID, int]]


def post_issued(session: Session, body: str, items: Items, on: date) -> None:
    """Book vouchers as (id, pence) that can be used from now on: we owe their worth."""
    _post(
        session,
        body,
        "voucher.issued",
        items,
        on,
        rules.PROGRAMME_EXPENDITURE,
        rules.VOUCHERS_ISSUED,
    )


def post_redeemed(session: Session, body: str, items: Items, on: date) -> None:
    """Book vouchers that merchants took: their worth is to be paid now."""
    _post(
        session, body, "voucher.redeemed", items, on, rules.VOUCHERS_ISSUED, rules.PAYMENTS_APPROVED
    )


def post_ended(session: Session, body: str, how: str, items: Items, on: date) -> None:
    """Book issued vouchers that ended unused, ``expired`` or ``cancelled``: nothing is owed."""
    _post(
        session,
        body,
        f"voucher.{how}",
        items,
        on,
        rules.VOUCHERS_ISSUED,
        rules.PROGRAMME_EXPENDITURE,
    )


def post_settled(session: Session, body: str, settlement: UUID, pence: int, on: date) -> None:
    """Book that redeemed worth is ordered as a payment, whose approval books the cost itself."""
    _post(
        session,
        body,
        "voucher.settled",
        [(settlement, pence)],
        on,
        rules.PAYMENTS_APPROVED,
        rules.PROGRAMME_EXPENDITURE,
    )


def post_settlement_undone(
    session: Session, body: str, settlement: UUID, pence: int, on: date
) -> None:
    """Book that the payment of a settlement was taken back: its worth is to be paid again."""
    _post(
        session,
        body,
        "voucher.settlement_undone",
        [(settlement, pence)],
        on,
        rules.PROGRAMME_EXPENDITURE,
        rules.PAYMENTS_APPROVED,
    )


def _post(
    session: Session, body: str, event: str, items: Items, on: date, debit: str, credit: str
) -> None:
    drafts = [transfer(event, str(one), on, debit, credit, pence) for one, pence in items]
    post_entries(session, body, drafts, event)
