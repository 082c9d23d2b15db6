"""Reads of the bank's reports as they were kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import NotFound

_COLUMNS = """
    SELECT r.id, r.bank_report_id, r.kind, r.submission_id, s.serial, r.state, r.problem,
           r.received_at, encode(r.content_sha256, 'hex') AS sha256
      FROM bank_report r LEFT JOIN submission s ON s.id = r.submission_id
     WHERE r.body = :body
"""
_WAITING = "AND (NOT :waiting OR r.problem <> '')"
_LIST = text(f"{_COLUMNS} {_WAITING} ORDER BY r.received_at DESC, r.id LIMIT :limit OFFSET :skip")
_COUNT = text(
    "SELECT count(*) FROM bank_report r WHERE r.body = :body AND (NOT :waiting OR r.problem <> '')"
)
_ONE = text(f"{_COLUMNS} AND r.id = :id")
_SEALED = text(
    "SELECT bank_report_id, content_sealed FROM bank_report WHERE body = :body AND id = :id"
)


@dataclass(frozen=True)
class KeptReport:
    """A report of the bank; ``problem`` says what of it could not be applied."""

    id: UUID
    bank_report_id: str
    kind: str
    submission_id: UUID | None
    serial: str | None
    state: str
    problem: str
    received_at: datetime
    sha256: str


def list_reports(
    session: Session, body: str, *, waiting: bool, skip: int = 0, limit: int = 50
) -> tuple[list[KeptReport], int]:
    """Return a body's reports, newest first, all or those with a problem; and how many."""
    values = {"body": body, "waiting": waiting}
    total: int = session.execute(_COUNT, values).scalar_one()
    rows = session.execute(_LIST, values | {"limit": limit, "skip": skip}).mappings()
    return [KeptReport(**row) for row in rows], total


def get_report(session: Session, body: str, report_id: UUID) -> KeptReport:
    """Return one report; refuses one of another body as if it did not exist."""
    row = session.execute(_ONE, {"body": body, "id": report_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_report", "There is no such report")
    return KeptReport(**row)


def get_sealed(session: Session, body: str, report_id: UUID) -> tuple[str, bytes]:
    """Return a report's name at the bank and its sealed bytes."""
    row = session.execute(_SEALED, {"body": body, "id": report_id}).one_or_none()
    if row is None:
        raise NotFound("no_such_report", "There is no such report")
    return row.bank_report_id, bytes(row.content_sealed)
