"""Reads of work items and of what people wrote to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import NotFound

Which = Literal["open", "mine", "late", "done"]
_COLUMNS = """
    SELECT w.id, w.key, w.kind, w.submission_id, w.payment_id, w.report_id, w.code, w.reason,
           w.action, w.amount_pence, w.private_sealed, w.due_on, w.owner_id, w.owner_name, w.state,
           w.result, w.created_at, w.closed_at, w.closed_by_name, p.public_id AS payment_public_id,
           p.reference AS payment_reference, p.payee_name, s.serial
      FROM work_item w LEFT JOIN payment p ON p.id = w.payment_id
      LEFT JOIN submission s ON s.id = w.submission_id
"""
_WANTED: dict[Which, str] = {
    "open": "w.state = 'open'",
    "mine": "w.state = 'open' AND w.owner_id = :person",
    "late": "w.state = 'open' AND w.due_on < :today",
    "done": "w.state = 'done'",
}
_ORDER: dict[Which, str] = {
    "open": "w.due_on, w.id",
    "mine": "w.due_on, w.id",
    "late": "w.due_on, w.id",
    "done": "w.closed_at DESC, w.id",
}
_KIND = "AND (:kind = '' OR w.kind = :kind)"
_LISTS = {
    which: text(
        f"{_COLUMNS} WHERE w.body = :body AND {wanted} {_KIND} ORDER BY {_ORDER[which]}"
        " LIMIT :limit OFFSET :skip"
    )
    for which, wanted in _WANTED.items()
}
_COUNTS = {
    which: text(f"SELECT count(*) FROM work_item w WHERE w.body = :body AND {wanted} {_KIND}")
    for which, wanted in _WANTED.items()
}
_ONE = text(f"{_COLUMNS} WHERE w.body = :body AND w.id = :id")
_OF_SUBMISSION = text(
    f"{_COLUMNS} WHERE w.body = :body AND w.submission_id = :id AND w.payment_id IS NULL"
    " ORDER BY w.id LIMIT 50"
)
_ADVISED = text(
    "SELECT DISTINCT payment_id FROM work_item WHERE payment_id = ANY(:payments)"
    " AND kind = 'returned'"
)
_NOTES = text("SELECT at, kind, person_name, text FROM work_note WHERE item_id = :id ORDER BY id")
_MOST_NOTES = 500


@dataclass(frozen=True)
class WorkItem:
    """One piece of work, with the payment or file that it is about; amounts in pence."""

    id: UUID
    key: str
    kind: str
    submission_id: UUID | None
    payment_id: UUID | None
    report_id: UUID | None
    code: str
    reason: str
    action: str
    amount_pence: int
    private_sealed: bytes | None
    due_on: date
    owner_id: str | None
    owner_name: str
    state: str
    result: str
    created_at: datetime
    closed_at: datetime | None
    closed_by_name: str
    payment_public_id: str | None
    payment_reference: str | None
    payee_name: str | None
    serial: str | None


@dataclass(frozen=True)
class WorkNote:
    """What a person wrote or did."""

    at: datetime
    kind: str
    person_name: str
    text: str


def list_work(
    session: Session,
    body: str,
    which: Which,
    *,
    kind: str = "",
    person: str = "",
    today: date,
    skip: int = 0,
    limit: int = 50,
) -> tuple[list[WorkItem], int]:
    """Return work items of a body, the most urgent first, and how many there are in all."""
    values = {"body": body, "kind": kind, "person": person, "today": today}
    total: int = session.execute(_COUNTS[which], values).scalar_one()
    rows = session.execute(_LISTS[which], values | {"limit": limit, "skip": skip}).mappings()
    return [WorkItem(**row) for row in rows], total


def get_work_item(session: Session, body: str, item_id: UUID) -> WorkItem:
    """Return one work item; refuses one of another body as if it did not exist."""
    row = session.execute(_ONE, {"body": body, "id": item_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_work_item", "There is no such work item")
    return WorkItem(**row)


def list_submission_work(session: Session, body: str, submission_id: UUID) -> list[WorkItem]:
    """Return the work that a file as a whole has made, oldest first."""
    rows = session.execute(_OF_SUBMISSION, {"body": body, "id": submission_id}).mappings()
    return [WorkItem(**row) for row in rows]


def list_notes(session: Session, item_id: UUID) -> list[WorkNote]:
    """Return what people wrote and did, oldest first."""
    rows = session.execute(_NOTES, {"id": item_id}).mappings().fetchmany(_MOST_NOTES)
    return [WorkNote(**row) for row in rows]


def find_advised(session: Session, payment_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these payments the bank's own advice has made work of already."""
    rows = session.execute(_ADVISED, {"payments": list(payment_ids)})
    return set(rows.scalars())
