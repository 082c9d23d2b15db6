"""Reads of what a person did with a line, as far as a rule could do it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation.ruling.suggesting import Done

_LINE = text(
    """
    SELECT l.reference, l.booking_date, s.identification, l.seq
      FROM statement_line l JOIN statement s ON s.id = l.statement_id
     WHERE l.id = :line AND l.bank_account_id = :account AND NOT l.set_aside
    """
)
_DONE = text(
    """
    SELECT m.target_type, coalesce(e.reference_key, i.reference_key, '') AS reference_key,
           coalesce(e.due_on, i.day) AS due_on, m.amount_pence AS pence, m.target_pence
      FROM match m
      LEFT JOIN expected_item e ON e.id = m.target_id
       AND m.target_type IN ('payment', 'expected_item')
      LEFT JOIN LATERAL (
        SELECT i.reference_key, coalesce(s.reported_processing_day, s.processing_day) AS day
          FROM submission_item i JOIN submission s ON s.id = i.submission_id
         WHERE m.target_type = 'returned_payment' AND i.payment_id = m.target_id
         ORDER BY s.id DESC LIMIT 1) i ON true
     WHERE m.line_id = :line AND m.state = 'live' AND m.rule_id = 'person'
     ORDER BY m.amount_pence DESC, m.id
    """
)


@dataclass(frozen=True)
class DecidedLine:
    """A line with what people did with it."""

    id: UUID
    statement: str
    number: int
    text: str
    booked: date
    done: tuple[Done, ...]


def find_decided_line(session: Session, account_id: UUID, line_id: UUID) -> DecidedLine | None:
    """Return a line of an account that a person decided about; None for any other."""
    line = session.execute(_LINE, {"line": line_id, "account": account_id}).one_or_none()
    if line is None:
        return None
    done = tuple(Done(**row) for row in session.execute(_DONE, {"line": line_id}).mappings())
    if not done:
        return None
    return DecidedLine(
        line_id, line.identification, line.seq, line.reference, line.booking_date, done
    )
