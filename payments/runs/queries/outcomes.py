"""Reads of what the bank said about payments."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.bank.models import bank_outcome, submission_item
from payments.reconciliation.models import match, statement_line
from payments.runs.models import payment

OutcomeKind = Literal["submitted", "refused", "accepted", "rejected", "paid", "returned"]


@dataclass(frozen=True)
class Outcome:
    """One answer of the bank about one payment."""

    id: int
    payment_id: UUID
    run_id: UUID
    organisation: str
    kind: OutcomeKind
    reason_code: str
    reason: str


@dataclass(frozen=True)
class BankLine:
    """A line of a bank statement that belongs to a payment, or to the file it went with."""

    statement_id: UUID
    booking_date: date
    amount_pence: int
    reference: str
    is_return: bool


def list_bank_lines(session: Session, payment_id: UUID) -> list[BankLine]:
    """Return the statement lines matched with a payment's return and with its submission."""
    submissions = select(submission_item.c.submission_id).where(
        submission_item.c.payment_id == payment_id
    )
    rows = session.execute(
        select(
            statement_line.c.statement_id,
            statement_line.c.booking_date,
            statement_line.c.amount_pence,
            statement_line.c.reference,
            match.c.target_type,
        )
        .join(match, match.c.line_id == statement_line.c.id)
        .where(
            match.c.state == "live",
            or_(match.c.target_id == payment_id, match.c.target_id.in_(submissions)),
        )
        .order_by(statement_line.c.booking_date, statement_line.c.id)
    )
    return [
        BankLine(
            row.statement_id,
            row.booking_date,
            row.amount_pence,
            row.reference,
            row.target_type == "returned_payment",
        )
        for row in rows
    ]


def list_outcomes(session: Session, batch_id: UUID) -> list[Outcome]:
    """Return the answers of one batch in the order in which they were written."""
    rows = session.execute(
        select(
            bank_outcome.c.id,
            bank_outcome.c.payment_id,
            payment.c.run_id,
            payment.c.organisation,
            bank_outcome.c.kind,
            bank_outcome.c.reason_code,
            bank_outcome.c.reason,
        )
        .join(payment, payment.c.id == bank_outcome.c.payment_id)
        .where(bank_outcome.c.batch_id == batch_id)
        .order_by(bank_outcome.c.id)
    )
    return [
        Outcome(
            row.id,
            row.payment_id,
            row.run_id,
            row.organisation,
            cast("OutcomeKind", row.kind),
            row.reason_code,
            row.reason,
        )
        for row in rows
    ]
