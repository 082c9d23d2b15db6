"""Reads of one line with everything about it, and of what it may be."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.reconciliation.rules import line_record
from payments.reconciliation.work.rules import Candidate


@dataclass(frozen=True)
class OpenLine:
    """A line of a reconciled statement with what of it is not explained yet."""

    id: UUID
    body: str
    bank_account_id: UUID
    account_code: str
    account_name: str
    statement_id: UUID
    identification: str
    seq: int
    booking_date: date
    amount_pence: int
    allocated_pence: int
    kind: str
    reference: str
    reference_key: str
    end_to_end_id: str
    counterparty_hash: bytes | None
    return_reason: str
    state: str
    counterparty: str = ""
    narrative: str = ""

    @property
    def open_pence(self) -> int:
        """What no match explains, without sign."""
        return abs(self.amount_pence) - self.allocated_pence


@dataclass(frozen=True)
class MatchView:
    """A match of a line, live or taken back."""

    id: UUID
    target_type: str
    target_id: UUID
    run_id: UUID | None
    amount_pence: int
    rule_id: str
    reason: str
    score: int
    decided_by: str
    decided_at: datetime
    state: str
    undone_by: str | None
    undone_at: datetime | None
    undo_reason: str | None


@dataclass(frozen=True)
class ExceptionState:
    """An exception of a line with who has it and until when."""

    id: UUID
    code: str
    reason: str
    severity: str
    owner: str | None
    owner_name: str | None
    due_on: date
    state: str
    candidates: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class Note:
    """What a person wrote or decided about a line."""

    kind: str
    words: str
    person_name: str
    at: datetime


@dataclass(frozen=True)
class Proposal:
    """What waits for, or got, a second person's decision."""

    id: UUID
    kind: str
    line_id: UUID | None
    statement_id: UUID | None
    account_code: str | None
    amount_pence: int | None
    reason: str
    state: str
    proposed_by: str
    proposed_name: str
    proposed_at: datetime
    decided_name: str | None
    decided_at: datetime | None


_LINE = text(
    """
    SELECT l.id, s.body, l.bank_account_id, b.code AS account_code, b.name AS account_name,
           l.statement_id, s.identification, l.seq, l.booking_date, l.amount_pence,
           coalesce(a.allocated_pence, 0) AS allocated_pence, l.kind, l.reference, l.reference_key,
           l.end_to_end_id, l.counterparty_hash, l.return_reason, s.state, l.private_sealed
      FROM statement_line l JOIN statement s ON s.id = l.statement_id
      JOIN bank_account b ON b.id = l.bank_account_id
      LEFT JOIN line_allocation a ON a.line_id = l.id
     WHERE l.id = :id AND s.body = :body AND NOT l.set_aside
    """
)
_MATCHES = text(
    """
    SELECT id, target_type, target_id, run_id, amount_pence, rule_id, reason, score, decided_by,
           decided_at, state, undone_by, undone_at, undo_reason
      FROM match WHERE line_id = :line ORDER BY decided_at, id
    """
)
_EXCEPTIONS = text(
    """
    SELECT id, code, reason, severity, owner, owner_name, due_on, state, candidates
      FROM reconciliation_exception WHERE line_id = :line ORDER BY created_at, id
    """
)
_NOTES = text(
    """
    SELECT n.kind, n.words, n.person_name, n.at FROM exception_note n
      JOIN reconciliation_exception e ON e.id = n.exception_id
     WHERE e.line_id = :line ORDER BY n.id
    """
)
_PROPOSALS = """
    SELECT id, kind, line_id, statement_id, account_code, amount_pence, reason, state, proposed_by,
           proposed_name, proposed_at, decided_name, decided_at FROM reconciliation_proposal
"""
_OF_LINE = text(f"{_PROPOSALS} WHERE line_id = :line ORDER BY proposed_at, id")
_OF_STATEMENT = text(f"{_PROPOSALS} WHERE statement_id = :id ORDER BY proposed_at, id")
_OPEN_PROPOSALS = text(
    f"{_PROPOSALS} WHERE body = :body AND state = 'open' ORDER BY proposed_at, id LIMIT 200"
)
_PROPOSAL = text(f"{_PROPOSALS} WHERE body = :body AND id = :id FOR UPDATE")
_CANDIDATES = text(
    """
    WITH near AS (
      SELECT id FROM expected_item WHERE bank_account_id = :account AND cast(:e2e AS text) <> ''
         AND end_to_end_id = :e2e
      UNION
      (SELECT id FROM expected_item WHERE bank_account_id = :account AND cast(:key AS text) <> ''
          AND reference_key <> '' AND reference_key = :key ORDER BY due_on DESC LIMIT 20)
      UNION
      (SELECT id FROM expected_item WHERE bank_account_id = :account AND amount_pence = :signed
          AND due_on BETWEEN cast(:day AS date) - 60 AND cast(:day AS date) + 30
        ORDER BY due_on DESC LIMIT 20)
      UNION
      (SELECT id FROM expected_item WHERE bank_account_id = :account
          AND sign(amount_pence) = sign(cast(:signed AS bigint))
          AND abs(amount_pence) < cast(:pence AS bigint)
          AND due_on BETWEEN cast(:day AS date) - 10 AND cast(:day AS date) + 10
        ORDER BY due_on DESC, id LIMIT 40))
    SELECT e.target_type, e.id AS target_id, e.run_id, e.submission_id, e.label, e.reference,
           e.end_to_end_id, abs(e.amount_pence) AS pence,
           abs(e.amount_pence) - coalesce(t.allocated_pence, 0) AS open_pence, e.due_on,
           e.ledger_account AS account,
           coalesce(e.account_hash = cast(:hash AS bytea), false) AS has_account
      FROM expected_item e JOIN near ON near.id = e.id
      LEFT JOIN match_target t ON t.target_type = e.target_type AND t.target_id = e.id
     WHERE sign(e.amount_pence) = sign(cast(:signed AS bigint))
       AND abs(e.amount_pence) > coalesce(t.allocated_pence, 0)
       AND NOT EXISTS (SELECT 1 FROM match_target o WHERE o.target_type = 'submission'
                          AND o.target_id = e.submission_id AND o.allocated_pence > 0)
    UNION ALL
    (SELECT 'submission', s.id, s.run_id, s.id, s.serial, s.service_user_number || s.serial, '',
           coalesce(s.accepted_pence, s.total_pence),
           coalesce(s.accepted_pence, s.total_pence) - coalesce(t.allocated_pence, 0),
           coalesce(s.reported_processing_day, s.processing_day), 'in_transit', false
      FROM submission s
      LEFT JOIN match_target t ON t.target_type = 'submission' AND t.target_id = s.id
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported')
       AND cast(:signed AS bigint) < 0
       AND coalesce(s.accepted_pence, s.total_pence) > coalesce(t.allocated_pence, 0)
       AND NOT EXISTS (SELECT 1 FROM expected_item e JOIN match_target o
                           ON o.target_type = 'payment' AND o.target_id = e.id
                        WHERE e.submission_id = s.id AND o.allocated_pence > 0)
     ORDER BY s.id DESC LIMIT 20)
    UNION ALL
    (SELECT 'returned_payment', i.payment_id, s.run_id, s.id, i.reference, i.reference, '',
           i.amount_pence, i.amount_pence - coalesce(t.allocated_pence, 0),
           coalesce(s.reported_processing_day, s.processing_day), 'returns_receivable',
           coalesce(i.account_hash = cast(:hash AS bytea), false)
      FROM submission_item i JOIN submission s ON s.id = i.submission_id
      LEFT JOIN match_target t ON t.target_type = 'returned_payment' AND t.target_id = i.payment_id
     WHERE s.bank_account_id = :account AND cast(:signed AS bigint) > 0
       AND s.state IN ('acknowledged', 'reported', 'settled')
       AND (i.reference_key = :key AND cast(:key AS text) <> ''
            OR i.account_hash = cast(:hash AS bytea) AND i.amount_pence = cast(:pence AS bigint))
       AND i.amount_pence > coalesce(t.allocated_pence, 0)
     ORDER BY s.id DESC, i.line_no LIMIT 20)
    """
)
_CODED_ACCOUNTS = text(
    "SELECT code FROM account WHERE body = :body AND type IN ('expense', 'income')"
    " AND closed_at IS NULL ORDER BY code"
)


def find_line(session: Session, vault: DetailsVault, body: str, line_id: UUID) -> OpenLine | None:
    """Return a line of a body with its counterparty's name, or None."""
    row = session.execute(_LINE, {"id": line_id, "body": body}).mappings().one_or_none()
    if row is None:
        return None
    plain = dict(row)
    private = json.loads(vault.open_text(bytes(plain.pop("private_sealed")), line_record(line_id)))
    return OpenLine(**plain, counterparty=private["name"], narrative=private["narrative"])


def list_matches(session: Session, line_id: UUID) -> list[MatchView]:
    """Return every match that a line has or had, oldest first."""
    rows = session.execute(_MATCHES, {"line": line_id}).mappings()
    return [MatchView(**row) for row in rows]


def list_line_exceptions(session: Session, line_id: UUID) -> list[ExceptionState]:
    """Return the exceptions of a line, oldest first."""
    rows = session.execute(_EXCEPTIONS, {"line": line_id}).mappings()
    return [ExceptionState(**{**row, "candidates": tuple(row["candidates"])}) for row in rows]


def list_notes(session: Session, line_id: UUID) -> list[Note]:
    """Return what people wrote and decided about a line, oldest first."""
    return [Note(**row) for row in session.execute(_NOTES, {"line": line_id}).mappings()]


def list_line_proposals(session: Session, line_id: UUID) -> list[Proposal]:
    """Return what was proposed for a line, oldest first."""
    return [Proposal(**row) for row in session.execute(_OF_LINE, {"line": line_id}).mappings()]


def list_statement_proposals(session: Session, statement_id: UUID) -> list[Proposal]:
    """Return what was proposed for a statement, oldest first."""
    rows = session.execute(_OF_STATEMENT, {"id": statement_id}).mappings()
    return [Proposal(**row) for row in rows]


def list_open_proposals(session: Session, body: str) -> list[Proposal]:
    """Return what waits for a second person of a body."""
    rows = session.execute(_OPEN_PROPOSALS, {"body": body}).mappings()
    return [Proposal(**row) for row in rows]


def lock_proposal(session: Session, body: str, proposal_id: UUID) -> Proposal | None:
    """Return a proposal and lock it; None when there is none."""
    row = session.execute(_PROPOSAL, {"body": body, "id": proposal_id}).mappings().one_or_none()
    return None if row is None else Proposal(**row)


def list_candidates(session: Session, line: OpenLine) -> list[Candidate]:
    """Return what a line may be: at most about a hundred, not yet ranked."""
    sign = -1 if line.amount_pence < 0 else 1
    values = {
        "account": line.bank_account_id,
        "pence": line.open_pence,
        "signed": sign * line.open_pence,
        "e2e": line.end_to_end_id,
        "key": line.reference_key,
        "day": line.booking_date,
        "hash": line.counterparty_hash,
    }
    if line.open_pence == 0:
        return []
    return [Candidate(**row) for row in session.execute(_CANDIDATES, values).mappings()]


def list_coded_accounts(session: Session, body: str) -> list[str]:
    """Return the ledger accounts that a difference may be written off to."""
    return list(session.execute(_CODED_ACCOUNTS, {"body": body}).scalars())
