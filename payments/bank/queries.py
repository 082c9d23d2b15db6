"""Reads of bank accounts, submissions, outcomes and reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.outcomes import BankOutcome


@dataclass(frozen=True)
class BankAccount:
    """A real account of a body; ``code`` names it in the ledger."""

    id: UUID
    body: str
    code: str
    name: str
    sort_code: str
    account_number: str
    service_user_number: str
    currency: str


@dataclass(frozen=True)
class SubmissionView:
    """A hand-over with its control totals at each stage, in pence."""

    id: UUID
    body: str
    run_id: UUID
    bank_account_id: UUID
    bank_account_code: str
    serial: str
    processing_day: date
    payment_count: int
    total_pence: int
    state: str
    attempt_state: str
    attempt_count: int
    sent_at: datetime | None
    acknowledged_at: datetime | None
    bank_reference: str | None
    refusal: str | None
    reported_processing_day: date | None
    accepted_count: int | None
    accepted_pence: int | None
    rejected_count: int | None
    rejected_pence: int | None
    settled_on: date | None
    settled_pence: int | None
    returned_count: int
    returned_pence: int


_ACCOUNTS = (
    "SELECT id, body, code, name, sort_code, account_number, service_user_number, currency"
    " FROM bank_account"
)
_ACCOUNT = text(f"{_ACCOUNTS} WHERE id = :id")
_ACCOUNTS_OF = text(f"{_ACCOUNTS} WHERE body = :body ORDER BY code")
_ACCOUNT_BY_NUMBER = text(f"{_ACCOUNTS} WHERE sort_code = :code AND account_number = :number")
_ALL_ACCOUNTS = text(f"{_ACCOUNTS} WHERE service_user_number <> '' ORDER BY body, code")
_SUBMISSIONS = """
    SELECT s.id, s.body, s.run_id, s.bank_account_id, b.code AS bank_account_code, s.serial,
           s.processing_day, s.payment_count, s.total_pence, s.state, a.state AS attempt_state,
           a.number AS attempt_count, a.sending_at AS sent_at, s.acknowledged_at, s.bank_reference,
           nullif(concat_ws(': ', a.refusal_code, a.refusal_reason), '') AS refusal,
           s.reported_processing_day, s.accepted_count, s.accepted_pence, s.rejected_count,
           s.rejected_pence, s.settled_on, s.settled_pence,
           coalesce(r.returned, 0) AS returned_count, coalesce(r.pence, 0)::bigint AS returned_pence
      FROM submission s JOIN bank_account b ON b.id = s.bank_account_id
      JOIN LATERAL (SELECT * FROM attempt a WHERE a.submission_id = s.id
                     ORDER BY a.number DESC LIMIT 1) a ON true
      LEFT JOIN LATERAL (
        SELECT count(*) AS returned, sum(i.amount_pence) AS pence
          FROM bank_outcome o JOIN submission_item i
            ON i.submission_id = o.submission_id AND i.payment_id = o.payment_id
         WHERE o.submission_id = s.id AND o.kind = 'returned') r ON true
"""
_OF_RUN = text(f"{_SUBMISSIONS} WHERE s.run_id = :run_id ORDER BY s.created_at DESC LIMIT 1")
_OF_ACCOUNT = text(
    f"{_SUBMISSIONS} WHERE s.bank_account_id = :account ORDER BY s.id DESC LIMIT :limit"
)
_OUTCOMES = (
    "SELECT payment_id, kind, reason_code, reason, occurred_on, submission_id, report_id"
    " FROM bank_outcome"
)
_OUTCOMES_OF_BATCH = text(f"{_OUTCOMES} WHERE batch_id = :id ORDER BY id")
_OUTCOMES_OF_PAYMENT = text(f"{_OUTCOMES} WHERE payment_id = :id ORDER BY id")
_KNOWN_REPORTS = text("SELECT bank_report_id FROM bank_report WHERE bank_report_id = ANY(:ids)")
_UNREAD = text(
    "SELECT bank_report_id, kind, state, problem, received_at FROM bank_report"
    " WHERE problem <> '' AND coalesce(body, :body) = :body ORDER BY received_at DESC LIMIT 100"
)
_ACCOUNT_OF_SUBMISSION = text("SELECT bank_account_id FROM submission WHERE id = :id")
_AWAITING_REPORT = text(
    "SELECT EXISTS (SELECT 1 FROM submission WHERE id = :id AND state = 'acknowledged')"
)


@dataclass(frozen=True)
class ReportProblem:
    """A report that could not be applied, wholly or in part, and waits for a person."""

    bank_report_id: str
    kind: str
    state: str
    problem: str
    received_at: datetime


def find_bank_account(session: Session, account_id: UUID) -> BankAccount | None:
    """Return a bank account by its id, or None."""
    row = session.execute(_ACCOUNT, {"id": account_id}).mappings().one_or_none()
    return None if row is None else BankAccount(**row)


def find_account_by_number(
    session: Session, sort_code: str, account_number: str
) -> BankAccount | None:
    """Return one of our bank accounts by its numbers, or None."""
    row = (
        session.execute(_ACCOUNT_BY_NUMBER, {"code": sort_code, "number": account_number})
        .mappings()
        .one_or_none()
    )
    return None if row is None else BankAccount(**row)


def list_bank_accounts(session: Session, body: str) -> list[BankAccount]:
    """Return a body's bank accounts."""
    rows = session.execute(_ACCOUNTS_OF, {"body": body}).mappings()
    return [BankAccount(**row) for row in rows]


def list_paying_accounts(session: Session) -> list[BankAccount]:
    """Return the accounts of all bodies that pay through Bacs; for fetching their statements."""
    return [BankAccount(**row) for row in session.execute(_ALL_ACCOUNTS).mappings()]


def get_submission_of_run(session: Session, run_id: UUID) -> SubmissionView | None:
    """Return the latest submission of a run, or None."""
    row = session.execute(_OF_RUN, {"run_id": run_id}).mappings().one_or_none()
    return None if row is None else SubmissionView(**row)


def list_submissions(session: Session, account_id: UUID, limit: int = 50) -> list[SubmissionView]:
    """Return the submissions of a bank account, newest first."""
    rows = session.execute(_OF_ACCOUNT, {"account": account_id, "limit": limit}).mappings()
    return [SubmissionView(**row) for row in rows]


def list_outcomes(session: Session, batch_id: UUID) -> list[BankOutcome]:
    """Return the outcomes that were written together."""
    rows = session.execute(_OUTCOMES_OF_BATCH, {"id": batch_id}).mappings()
    return [BankOutcome(**row) for row in rows]


def list_payment_outcomes(session: Session, payment_id: UUID) -> list[BankOutcome]:
    """Return everything the bank said about a payment, oldest first."""
    rows = session.execute(_OUTCOMES_OF_PAYMENT, {"id": payment_id}).mappings()
    return [BankOutcome(**row) for row in rows]


def list_known_reports(session: Session, report_ids: Sequence[str]) -> set[str]:
    """Return which of the bank's report ids are here already."""
    return set(session.execute(_KNOWN_REPORTS, {"ids": list(report_ids)}).scalars())


def list_report_problems(session: Session, body: str) -> list[ReportProblem]:
    """Return the reports that wait for a person of a body, and those that name no body."""
    rows = session.execute(_UNREAD, {"body": body}).mappings()
    return [ReportProblem(**row) for row in rows]


def get_account_of_submission(session: Session, submission_id: UUID) -> UUID:
    """Return the id of the bank account that a submission is paid from."""
    found: UUID = session.execute(_ACCOUNT_OF_SUBMISSION, {"id": submission_id}).scalar_one()
    return found


def is_awaiting_report(session: Session, submission_id: UUID) -> bool:
    """Tell whether a submission is acknowledged and has no input report yet."""
    return bool(session.execute(_AWAITING_REPORT, {"id": submission_id}).scalar_one())
