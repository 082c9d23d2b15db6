"""The decisions by which held payments went on, for the auditor."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.payees.overrides.models import hold_override


@dataclass(frozen=True)
class Override:
    """One decision."""

    id: UUID
    payment_id: UUID
    payment_reference: str
    amount_pence: int
    hold_code: str
    hold_reason: str
    outcome: str | None
    reason_code: str | None
    policy_version: str
    reason: str
    person_id: str
    person_name: str
    decided_at: datetime


_COLUMNS = [hold_override.c[name] for name in Override.__dataclass_fields__]


def list_overrides(
    session: Session, organisation: str, *, hold_code: str = "", offset: int, limit: int
) -> tuple[list[Override], int]:
    """Return decisions newest first, of one kind of hold where asked, and how many there are."""
    wanted = [hold_override.c.organisation == organisation]
    if hold_code:
        wanted.append(hold_override.c.hold_code == hold_code)
    total = session.execute(
        select(func.count()).select_from(hold_override).where(*wanted)
    ).scalar_one()
    rows = session.execute(
        select(*_COLUMNS)
        .where(*wanted)
        .order_by(hold_override.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [Override(*row) for row in rows], total


def list_codes(session: Session, organisation: str) -> list[str]:
    """Return the kinds of holds that were ever let go."""
    return list(
        session.execute(
            select(hold_override.c.hold_code)
            .where(hold_override.c.organisation == organisation)
            .distinct()
            .order_by(hold_override.c.hold_code)
        ).scalars()
    )
