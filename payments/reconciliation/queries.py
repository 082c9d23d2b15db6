"""Reads of statements, lines, exceptions, and the proof that bank, ledger and runs agree."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.queries import BankAccount, SubmissionView, list_bank_accounts, list_submissions
from payments.ledger import rules as ledger
from payments.ledger.queries import AccountBalance, list_new_faults, trial_balance
from payments.payees.bank_details import DetailsVault
from payments.reconciliation.report.queries import make_report
from payments.reconciliation.rules import line_record


@dataclass(frozen=True)
class StatementView:
    """A statement with what became of its lines; pence."""

    id: UUID
    account_code: str
    account_name: str
    identification: str
    sequence: int | None
    format: str
    source: str
    file_name: str
    from_date: date
    to_date: date
    opening_pence: int | None
    closing_pence: int | None
    movement_pence: int
    line_count: int
    matched_count: int
    open_exceptions: int
    state: str
    received_at: datetime


@dataclass(frozen=True)
class LineView:
    """A line with its match or the reason why it has none."""

    id: UUID
    seq: int
    booking_date: date
    amount_pence: int
    kind: str
    bank_code: str
    reference: str
    return_reason: str
    counterparty: str
    rule_id: str | None
    score: int | None
    reason: str | None
    target_type: str | None
    target_id: UUID | None
    run_id: UUID | None
    target_reference: str | None
    exception_code: str | None
    exception_reason: str | None


@dataclass(frozen=True)
class ExceptionView:
    """Something that a person has to look at."""

    id: UUID
    code: str
    severity: str
    value_pence: int
    reason: str
    due_on: date
    created_at: datetime
    statement_id: UUID | None
    identification: str | None
    line_id: UUID | None
    owner_name: str | None
    line_seq: int | None
    booking_date: date | None
    reference: str | None
    payment_id: UUID | None
    run_id: UUID | None
    bank_reason: str | None
    return_reason: str | None
    serial: str | None
    candidates: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class AccountProof:
    """One bank account: what the bank says, what the ledger says, and what explains the rest."""

    account: BankAccount
    statement_pence: int | None
    statement_day: date | None
    ledger_pence: int
    suspense_pence: int
    reserved_pence: int
    submissions: tuple[SubmissionView, ...]

    @property
    def difference_pence(self) -> int | None:
        """Bank less ledger; None before the first statement with a balance."""
        return None if self.statement_pence is None else self.statement_pence - self.ledger_pence

    @property
    def outstanding_pence(self) -> int:
        """What the bank has taken over and no statement has shown yet."""
        return sum(
            one.total_pence - (one.rejected_pence or 0)
            for one in self.submissions
            if one.state in {"acknowledged", "reported"}
        )


@dataclass(frozen=True)
class Proof:
    """A body's accounts, its trial balance, and every contradiction found in the ledger."""

    accounts: tuple[AccountProof, ...]
    trial_balance: tuple[AccountBalance, ...]
    in_transit_pence: int
    outstanding_pence: int
    returns_receivable_pence: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether bank, ledger and submissions agree to the penny and nothing was tampered with."""
        return (
            not self.faults
            and all(one.difference_pence in (None, 0) for one in self.accounts)
            and self.in_transit_pence == self.outstanding_pence
        )


_STATEMENTS = """
    SELECT s.id, b.code AS account_code, b.name AS account_name, s.identification, s.sequence,
           s.format, f.source, f.name AS file_name, s.from_date, s.to_date, s.opening_pence,
           s.closing_pence, s.line_count, s.state, f.received_at,
           coalesce(l.movement, 0)::bigint AS movement_pence,
           coalesce(l.matched, 0) AS matched_count,
           (SELECT count(*) FROM reconciliation_exception e
             WHERE e.statement_id = s.id AND e.state = 'open') AS open_exceptions
      FROM statement s JOIN bank_account b ON b.id = s.bank_account_id
      JOIN statement_file f ON f.id = s.file_id
      LEFT JOIN LATERAL (
        SELECT sum(l.amount_pence) AS movement,
               count(*) FILTER (WHERE a.allocated_pence = a.amount_pence) AS matched
          FROM statement_line l LEFT JOIN line_allocation a ON a.line_id = l.id
         WHERE l.statement_id = s.id) l ON true
"""
_LIST = text(f"{_STATEMENTS} WHERE s.body = :body ORDER BY s.id DESC LIMIT :limit")
_ONE = text(f"{_STATEMENTS} WHERE s.body = :body AND s.id = :id")
_LINES = text(
    """
    SELECT l.id, l.seq, l.booking_date, l.amount_pence, l.kind, l.bank_code, l.reference,
           l.return_reason, l.private_sealed, m.rule_id, m.score, m.reason, m.target_type,
           m.target_id, coalesce(s.run_id, p.run_id) AS run_id,
           coalesce(s.serial, p.reference) AS target_reference, e.code AS exception_code,
           e.reason AS exception_reason
      FROM statement_line l
      LEFT JOIN match m ON m.line_id = l.id AND m.state = 'live'
      LEFT JOIN submission s ON m.target_type = 'submission' AND s.id = m.target_id
      LEFT JOIN LATERAL (
        SELECT i.reference, t.run_id FROM submission_item i JOIN submission t
            ON t.id = i.submission_id
         WHERE m.target_type = 'returned_payment' AND i.payment_id = m.target_id
         ORDER BY t.id DESC LIMIT 1) p ON true
      LEFT JOIN reconciliation_exception e ON e.line_id = l.id AND e.state = 'open'
     WHERE l.statement_id = :id ORDER BY l.seq LIMIT :limit OFFSET :skip
    """
)
_EXCEPTIONS = text(
    """
    SELECT e.id, e.code, e.severity, e.value_pence, e.reason, e.due_on, e.created_at,
           e.statement_id, s.identification, e.line_id, e.owner_name, l.seq AS line_seq,
           l.booking_date, l.reference,
           e.payment_id, e.candidates, coalesce(p.run_id, u.run_id) AS run_id, p.bank_reason,
           l.return_reason, u.serial
      FROM reconciliation_exception e LEFT JOIN statement s ON s.id = e.statement_id
      LEFT JOIN submission u ON u.id = e.submission_id
      LEFT JOIN statement_line l ON l.id = e.line_id
      LEFT JOIN LATERAL (
        SELECT t.run_id, o.reason_code || ': ' || o.reason AS bank_reason
          FROM submission_item i JOIN submission t ON t.id = i.submission_id
          LEFT JOIN bank_outcome o ON o.submission_id = t.id AND o.payment_id = i.payment_id
                                  AND o.kind = 'returned'
         WHERE i.payment_id = e.payment_id ORDER BY t.id DESC LIMIT 1) p ON true
     WHERE e.body = :body AND e.state = 'open' AND (:code = '' OR e.code = :code)
     ORDER BY e.severity, e.due_on, e.id LIMIT :limit OFFSET :skip
    """
)
_COUNTS = text(
    "SELECT code, count(*) AS open FROM reconciliation_exception"
    " WHERE body = :body AND state = 'open' GROUP BY code ORDER BY code"
)
_CLOSING = text(
    """
    SELECT closing_pence, to_date FROM statement
     WHERE bank_account_id = :account AND state = 'reconciled' AND closing_pence IS NOT NULL
     ORDER BY sequence DESC NULLS LAST, to_date DESC, id DESC LIMIT 1
    """
)
_CLOSE_FACTS = text(
    """
    SELECT (SELECT count(*) FROM statement s WHERE s.bank_account_id = :account
               AND s.state NOT IN ('reconciled', 'set_aside') AND s.from_date <= :day) AS stopped,
           (SELECT count(*) FROM statement s WHERE s.bank_account_id = :account
               AND s.state = 'reconciled' AND s.to_date <= :day) AS statements,
           EXISTS (SELECT 1 FROM reconciliation_sign_off o WHERE o.bank_account_id = :account
                      AND o.state = 'signed' AND o.day >= :day) AS signed
    """
)


def list_statements(session: Session, body: str, limit: int = 50) -> list[StatementView]:
    """Return a body's statements, newest first."""
    rows = session.execute(_LIST, {"body": body, "limit": limit}).mappings()
    return [StatementView(**row) for row in rows]


def find_statement(session: Session, body: str, statement_id: UUID) -> StatementView | None:
    """Return one statement of a body, or None."""
    row = session.execute(_ONE, {"body": body, "id": statement_id}).mappings().one_or_none()
    return None if row is None else StatementView(**row)


def list_lines(
    session: Session, vault: DetailsVault, statement_id: UUID, *, limit: int = 200, skip: int = 0
) -> list[LineView]:
    """Return a statement's lines in its own order, with matches and reasons."""
    found = []
    values = {"id": statement_id, "limit": limit, "skip": skip}
    for row in session.execute(_LINES, values).mappings():
        plain = dict(row)
        sealed = bytes(plain.pop("private_sealed"))
        private = json.loads(vault.open_text(sealed, line_record(row["id"])))
        found.append(LineView(**plain, counterparty=private["name"]))
    return found


def list_exceptions(
    session: Session, body: str, limit: int = 200, *, skip: int = 0, code: str = ""
) -> list[ExceptionView]:
    """Return what waits for a person, gravest and soonest due first."""
    values = {"body": body, "limit": limit, "skip": skip, "code": code}
    rows = session.execute(_EXCEPTIONS, values).mappings()
    return [ExceptionView(**{**row, "candidates": tuple(row["candidates"])}) for row in rows]


def count_exceptions(session: Session, body: str) -> dict[str, int]:
    """Return how many exceptions are open, for each code that has any."""
    rows = session.execute(_COUNTS, {"body": body})
    return {row.code: row.open for row in rows}


def prove(session: Session, body: str) -> Proof:
    """Return the reconciliation report: bank equals ledger equals submissions, to the penny."""
    lines = trial_balance(session, body)
    held = {line.code: line for line in lines}
    accounts = tuple(
        _prove_account(session, account, held) for account in list_bank_accounts(session, body)
    )
    in_transit = held.get(ledger.IN_TRANSIT)
    receivable = held.get(ledger.RETURNS_RECEIVABLE)
    return Proof(
        accounts=accounts,
        trial_balance=tuple(lines),
        in_transit_pence=0 if in_transit is None else -in_transit.posted_pence,
        outstanding_pence=sum(one.outstanding_pence for one in accounts),
        returns_receivable_pence=0 if receivable is None else receivable.posted_pence,
        faults=tuple(list_new_faults(session, body)),
    )


def _prove_account(
    session: Session, account: BankAccount, held: dict[str, AccountBalance]
) -> AccountProof:
    closing = session.execute(_CLOSING, {"account": account.id}).one_or_none()
    bank = held.get(ledger.bank_code(account.code))
    suspense = held.get(ledger.suspense_code(account.code))
    return AccountProof(
        account=account,
        statement_pence=None if closing is None else closing.closing_pence,
        statement_day=None if closing is None else closing.to_date,
        ledger_pence=0 if bank is None else bank.posted_pence,
        suspense_pence=0 if suspense is None else -suspense.posted_pence,
        reserved_pence=0 if bank is None else bank.pending_credit,
        submissions=tuple(list_submissions(session, account.id)),
    )


def prove_accounts(session: Session, body: str, day: date) -> list[str]:
    """Return why a body's bank accounts are not proved at the end of a day; nothing when they are.

    An account is proved when a statement reaches the day (where the account has any), bank and
    ledger agree to the penny, no statement up to the day is stopped, and the report of the day or a
    later one is signed by two people.
    """
    faults = []
    for account in list_bank_accounts(session, body):
        report = make_report(session, account, day)
        if report.difference_pence not in (None, 0):
            faults.append(f"{account.code}: bank and ledger differ by {report.difference_pence} p")
        values = {"account": account.id, "day": day}
        found = session.execute(_CLOSE_FACTS, values).one()
        if found.stopped:
            faults.append(f"{account.code}: {found.stopped} statement(s) are stopped")
        if found.statements and not found.signed:
            faults.append(f"{account.code}: the reconciliation is not signed")
    return faults
