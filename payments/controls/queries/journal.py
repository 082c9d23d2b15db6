"""The journal of what administrators changed, as the audit trail has it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_JOURNAL = text(
    """
    SELECT at, actor_name, action, object_id, details FROM audit_event
     WHERE actor_organisation = :organisation
       AND object_type IN ('control_rule', 'programme', 'body', 'hold')
       AND action LIKE 'payments.%'
     ORDER BY id DESC OFFSET :offset LIMIT :limit
    """
)


@dataclass(frozen=True)
class Change:
    """One change, by whom and when, with what was before and after."""

    at: datetime
    who: str
    action: str
    object_id: str
    details: dict[str, object]


def list_changes(
    session: Session, organisation: str, offset: int, limit: int
) -> tuple[list[Change], bool]:
    """Return a page of the changes, the latest first, and whether there are more."""
    rows = session.execute(
        _JOURNAL, {"organisation": organisation, "offset": offset, "limit": limit + 1}
    ).all()
    return [Change(*row) for row in rows[:limit]], len(rows) > limit
