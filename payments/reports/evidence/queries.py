"""Reads of what files, bank, ledger and messages know of one payment; each by an index."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_PAYMENT_ENTRIES = (
    "payment.approved",
    "payment.reissued",
    "payment.recalled",
    "payment.refused",
    "payment.rejected",
    "payment.return_advised",
    "payment.return_received",
    "payment.written_back",
)
_ENTRIES = text(
    """
    SELECT e.id, e.event_type, e.kind, e.recorded_at, e.effective_on,
           (SELECT string_agg(a.code, ', ' ORDER BY a.code) FROM posting p
              JOIN account a ON a.id = p.account_id WHERE p.entry_id = e.id AND p.amount > 0)
             AS debit,
           (SELECT string_agg(a.code, ', ' ORDER BY a.code) FROM posting p
              JOIN account a ON a.id = p.account_id WHERE p.entry_id = e.id AND p.amount < 0)
             AS credit,
           (SELECT sum(p.amount) FROM posting p WHERE p.entry_id = e.id AND p.amount > 0)::bigint
             AS pence
      FROM entry e
     WHERE e.body = :body AND e.event_type = ANY (:types)
       AND (e.event_id = :id OR e.event_id >= :id || '/' AND e.event_id < :id || '0')
     ORDER BY e.id
    """
)
_FILES = text(
    """
    SELECT s.serial, a.number, a.state, a.content_sha256, a.content_bytes, a.payment_count,
           a.total_pence, a.sealed_at, a.sending_at, a.decided_at, a.refusal_reason,
           s.processing_day
      FROM submission_item i
      JOIN submission s ON s.id = i.submission_id
      JOIN attempt a ON a.submission_id = s.id
     WHERE i.payment_id = :id ORDER BY a.number
    """
)
_REPORTS = text(
    """
    SELECT o.kind, o.reason_code, o.reason, o.occurred_on, o.recorded_at,
           coalesce(b.bank_report_id, '') AS report, b.content_sha256
      FROM bank_outcome o LEFT JOIN bank_report b ON b.id = o.report_id
     WHERE o.payment_id = :id ORDER BY o.id
    """
)
_TOLD = text(
    """
    SELECT e.type, e.message_id, n.url, d.done_at
      FROM webhook_event e
      JOIN webhook_delivery d ON d.event_id = e.id AND d.state = 'delivered'
      JOIN webhook_endpoint n ON n.id = d.endpoint_id
     WHERE e.organisation = :body AND e.subject = :public_id ORDER BY e.id
    """
)


@dataclass(frozen=True)
class LedgerLine:
    """One entry about the payment."""

    id: UUID
    event_type: str
    kind: str
    recorded_at: datetime
    effective_on: date
    debit: str
    credit: str
    pence: int


@dataclass(frozen=True)
class FileSent:
    """A file of the bank that the payment is in, and what became of handing it over."""

    serial: str
    number: int
    state: str
    sha256: bytes | None
    size: int | None
    payments: int
    pence: int
    sealed_at: datetime | None
    sending_at: datetime | None
    decided_at: datetime | None
    refusal: str | None
    processing_day: date


@dataclass(frozen=True)
class BankSaid:
    """What a report of the bank says of the payment."""

    kind: str
    reason_code: str
    reason: str
    occurred_on: date
    recorded_at: datetime
    report: str
    report_sha256: bytes | None


@dataclass(frozen=True)
class ToldTo:
    """A webhook that was told."""

    type: str
    message_id: UUID
    url: str
    at: datetime


def list_ledger_lines(session: Session, body: str, payment_id: UUID) -> list[LedgerLine]:
    """Return the ledger's entries about a payment, oldest first."""
    values = {"body": body, "types": list(_PAYMENT_ENTRIES), "id": str(payment_id)}
    return [LedgerLine(*row) for row in session.execute(_ENTRIES, values)]


def list_files(session: Session, payment_id: UUID) -> list[FileSent]:
    """Return the files that carried a payment to the bank."""
    rows = session.execute(_FILES, {"id": payment_id})
    return [FileSent(*row) for row in rows]


def list_bank_words(session: Session, payment_id: UUID) -> list[BankSaid]:
    """Return what the bank's reports say of a payment."""
    rows = session.execute(_REPORTS, {"id": payment_id})
    return [BankSaid(*row) for row in rows]


def list_told(session: Session, body: str, public_id: str) -> list[ToldTo]:
    """Return the webhooks that were told of a payment."""
    rows = session.execute(_TOLD, {"body": body, "public_id": public_id})
    return [ToldTo(*row) for row in rows]
