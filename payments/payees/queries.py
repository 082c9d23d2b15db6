"""Reads of name checks, always within one public body."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payees.models import name_check
from payments.payees.rules import StoredCheck


def find_check(session: Session, organisation: str, check_id: UUID) -> StoredCheck | None:
    """Return a check of this body, None when the body has no such check."""
    row = session.execute(
        select(
            name_check.c.id,
            name_check.c.payee_fingerprint,
            name_check.c.outcome,
            name_check.c.reason_code,
            name_check.c.asked_at,
            name_check.c.answered_at,
        ).where(name_check.c.organisation == organisation, name_check.c.id == check_id)
    ).one_or_none()
    return None if row is None else StoredCheck(*row)
