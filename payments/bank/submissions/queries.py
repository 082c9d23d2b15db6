"""Reads of submissions: the list, one with its attempts and control totals, its reports."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.submissions.rules import Total
from shared.errors import NotFound

_LINE = """
    SELECT s.id, s.run_id, r.reference AS run_reference, s.serial, s.rail, s.file_format,
           s.channel, s.processing_day, s.payment_count, s.total_pence, s.state, s.created_at,
           a.state AS attempt_state, b.name AS account_name
      FROM submission s JOIN bank_account b ON b.id = s.bank_account_id
      LEFT JOIN run r ON r.id = s.run_id
      JOIN LATERAL (SELECT state FROM attempt WHERE submission_id = s.id
                     ORDER BY number DESC LIMIT 1) a ON true
     WHERE s.body = :body AND (:state = '' OR s.state = :state)
     ORDER BY s.id DESC
"""
_LIST = text(f"{_LINE} LIMIT :limit OFFSET :skip")
_ALL = text(_LINE)
_COUNT = text(
    "SELECT count(*) FROM submission WHERE body = :body AND (:state = '' OR state = :state)"
)
_ONE = text(
    """
    SELECT s.*, r.reference AS run_reference, b.name AS account_name,
           g.shards, g.shards_done, g.items, g.items_done
      FROM submission s JOIN bank_account b ON b.id = s.bank_account_id
      LEFT JOIN run r ON r.id = s.run_id LEFT JOIN stage g ON g.id = s.stage_id
     WHERE s.body = :body AND s.id = :id
    """
)
_ATTEMPTS = text(
    """
    SELECT number, state, content_sha256, content_bytes, sealed_at, sending_at, decided_at,
           bank_reference, nullif(concat_ws(': ', refusal_code, refusal_reason), '') AS refusal
      FROM attempt WHERE submission_id = :id ORDER BY number
    """
)
_RETURNED = text(
    """
    SELECT count(*) AS payments, coalesce(sum(i.amount_pence), 0)::bigint AS pence
      FROM bank_outcome o JOIN submission_item i
        ON i.submission_id = o.submission_id AND i.payment_id = o.payment_id
     WHERE o.submission_id = :id AND o.kind = 'returned'
    """
)
_CHANGED = text(
    "SELECT coalesce(sum(changed_texts), 0) FROM submission_part WHERE submission_id = :id"
)
_REPORTS = text(
    "SELECT id, bank_report_id, kind, state, problem, received_at FROM bank_report"
    " WHERE submission_id = :id AND body = :body ORDER BY received_at, id LIMIT 100"
)
_VERDICT = text(
    """
    SELECT v.verdict, v.evidence, v.bank_reference, v.proposed_by_id, v.proposed_by_name,
           v.proposed_at, v.decided_by_name, v.decided_at, v.state
      FROM attempt_verdict v JOIN attempt a ON a.id = v.attempt_id
     WHERE a.submission_id = :id AND v.state IN ('proposed', 'confirmed')
     ORDER BY v.proposed_at DESC LIMIT 1
    """
)


@dataclass(frozen=True)
class SubmissionLine:
    """A submission in a list; the sum in pence."""

    id: UUID
    run_id: UUID
    run_reference: str | None
    serial: str
    rail: str
    file_format: str
    channel: str
    processing_day: date
    payment_count: int
    total_pence: int
    state: str
    created_at: datetime
    attempt_state: str
    account_name: str


@dataclass(frozen=True)
class AttemptView:
    """One hand-over and the hash of what was handed over."""

    number: int
    state: str
    sha256: str
    size: int | None
    sealed_at: datetime | None
    sending_at: datetime | None
    decided_at: datetime | None
    bank_reference: str | None
    refusal: str | None


@dataclass(frozen=True)
class ReportLine:
    """A report of the bank about a submission."""

    id: UUID
    bank_report_id: str
    kind: str
    state: str
    problem: str
    received_at: datetime


@dataclass(frozen=True)
class VerdictView:
    """What people say became of a hand-over whose answer was lost."""

    verdict: str
    evidence: str
    bank_reference: str
    proposed_by_id: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    state: str


@dataclass(frozen=True)
class SubmissionPage:
    """Everything about one submission; a total is None where it is not known (yet)."""

    id: UUID
    run_id: UUID
    run_reference: str | None
    serial: str
    rail: str
    file_format: str
    channel: str
    processing_day: date
    state: str
    account_name: str
    created_at: datetime
    acknowledged_at: datetime | None
    bank_reference: str | None
    reported_at: datetime | None
    settled_on: date | None
    settled_pence: int | None
    parts_done: int | None
    parts: int | None
    changed_texts: int
    approved: Total | None
    recalled: Total | None
    released: Total
    acknowledged: Total | None
    accepted: Total | None
    rejected: Total | None
    returned: Total
    attempts: tuple[AttemptView, ...]
    reports: tuple[ReportLine, ...]
    verdict: VerdictView | None


def list_lines(
    session: Session, body: str, *, state: str = "", skip: int = 0, limit: int = 50
) -> tuple[list[SubmissionLine], int]:
    """Return submissions of a body, newest first, and how many there are in all."""
    values = {"body": body, "state": state}
    total: int = session.execute(_COUNT, values).scalar_one()
    rows = session.execute(_LIST, values | {"limit": limit, "skip": skip}).mappings()
    return [SubmissionLine(**row) for row in rows], total


def stream_lines(session: Session, body: str, state: str = "") -> Iterator[SubmissionLine]:
    """Yield all submissions of a body, newest first, without holding them all."""
    rows = session.execute(_ALL, {"body": body, "state": state}).yield_per(1000).mappings()
    return (SubmissionLine(**row) for row in rows)


def get_submission(session: Session, body: str, submission_id: UUID) -> SubmissionPage:
    """Return one submission; refuses one of another body as if it did not exist."""
    row = session.execute(_ONE, {"body": body, "id": submission_id}).one_or_none()
    if row is None:
        raise NotFound("no_such_submission", "There is no such submission")
    values = {"id": submission_id, "body": body}
    returned = session.execute(_RETURNED, values).one()
    verdict = session.execute(_VERDICT, values).mappings().one_or_none()
    return SubmissionPage(
        id=row.id,
        run_id=row.run_id,
        run_reference=row.run_reference,
        serial=row.serial,
        rail=row.rail,
        file_format=row.file_format,
        channel=row.channel,
        processing_day=row.processing_day,
        state=row.state,
        account_name=row.account_name,
        created_at=row.created_at,
        acknowledged_at=row.acknowledged_at,
        bank_reference=row.bank_reference,
        reported_at=row.reported_at,
        settled_on=row.settled_on,
        settled_pence=row.settled_pence,
        parts_done=row.shards_done,
        parts=row.shards,
        changed_texts=session.execute(_CHANGED, values).scalar_one(),
        approved=_total(row.approved_count, row.approved_pence),
        recalled=_total(row.recalled_count, row.recalled_pence),
        released=Total(row.payment_count, row.total_pence),
        acknowledged=_total(row.acknowledged_count, row.acknowledged_pence),
        accepted=_total(row.accepted_count, row.accepted_pence),
        rejected=_total(row.rejected_count, row.rejected_pence),
        returned=Total(returned.payments, returned.pence),
        attempts=tuple(_attempt(one) for one in session.execute(_ATTEMPTS, values).mappings()),
        reports=tuple(ReportLine(**one) for one in session.execute(_REPORTS, values).mappings()),
        verdict=None if verdict is None else VerdictView(**verdict),
    )


def _total(count: int | None, pence: int | None) -> Total | None:
    return None if count is None or pence is None else Total(count, pence)


def _attempt(row: object) -> AttemptView:
    values = dict(row)  # type: ignore[call-overload]  # a mapping of SQLAlchemy
    sha256 = values.pop("content_sha256")
    size = values.pop("content_bytes")
    return AttemptView(**values, sha256="" if sha256 is None else bytes(sha256).hex(), size=size)
