"""Hands a released run to the bank's room, which makes and submits the file."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from payments.bank import calendar
from payments.bank.actions import PaymentInstruction, prepare_submission
from payments.payees.bank_details import DetailsVault
from payments.runs.queries.payments import Payment
from payments.runs.queries.runs import Run
from shared.clock import london_date


def next_processing_day(now: datetime) -> date:
    """Return the Bacs processing day (day 2) of what is handed over now (contract 6.2 and 10)."""
    today = london_date(now)
    input_day = today if calendar.is_processing_day(today) else calendar.shift(today, 1)
    return calendar.next_processing_day(input_day)


def hand_over(
    session: Session,
    vault: DetailsVault,
    run: Run,
    payments: list[Payment],
    processing_day: date,
    now: datetime,
) -> None:
    """Write the submission of a run down in the caller's transaction; it is sent after that.

    Raises:
        Invalid: the bank's file cannot carry a value.
    """
    instructions = []
    for payment in payments:
        details = vault.open(payment.details_sealed, payment.record)
        instructions.append(
            PaymentInstruction(
                payment.id,
                details.sort_code,
                details.account_number,
                payment.payee_name,
                payment.amount_pence,
                # A building society finds its member's account by the roll number only (4.1).
                details.roll_number or payment.reference,
            )
        )
    prepare_submission(
        session,
        run.id,
        run.organisation,
        run.account.id,
        processing_day,
        instructions,
        vault=vault,
        now=now,
    )
