"""The accounting event of bills: a provider has the payer's money and owes it to us.

Bills are income when they are paid, not when they are issued. Until the money is on the bank
statement it is a payout in transit, which the matching of statements clears: what is expected
there is registered here too.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.bank.actions import reference_key
from payments.bills.queries import Bill
from payments.ledger import rules
from payments.ledger.actions import post_entries
from payments.ledger.rules import transfer
from payments.reconciliation.work_models import expected_item


def post_paid(
    session: Session, bill: Bill, transfer_id: UUID, payment_reference: str, on: date
) -> None:
    """Book a paid bill, and expect its money at the programme's bank account from this day on."""
    draft = transfer(
        "bill.paid",
        str(bill.id),
        on,
        rules.PAYOUT_IN_TRANSIT,
        rules.PROGRAMME_INCOME,
        bill.amount_pence,
    )
    post_entries(session, bill.organisation, [draft], f"bill {bill.id} paid")
    session.execute(
        insert(expected_item).values(
            id=transfer_id,
            target_type="expected_item",
            body=bill.organisation,
            bank_account_id=bill.bank_account_id,
            amount_pence=bill.amount_pence,
            due_on=on,
            end_to_end_id=payment_reference,
            reference=bill.reference,
            reference_key=reference_key(bill.reference),
            label=f"Bill {bill.reference}",
            ledger_account=rules.PAYOUT_IN_TRANSIT,
        )
    )
