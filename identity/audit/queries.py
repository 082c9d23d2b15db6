"""What happened to an account, for its owner."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_EVENTS = text(
    """
    SELECT at, action, details FROM audit_event
     WHERE object_type = 'account' AND object_id = :account_id
     ORDER BY id DESC LIMIT :limit
    """
)


@dataclass(frozen=True)
class Event:
    """One line of the record."""

    at: datetime
    action: str
    details: dict[str, object]


def list_events(session: Session, account_id: UUID, *, limit: int = 50) -> list[Event]:
    """Return the newest lines of the record about an account."""
    rows = session.execute(_EVENTS, {"account_id": str(account_id), "limit": limit})
    return [Event(row.at, row.action, dict(row.details)) for row in rows]
