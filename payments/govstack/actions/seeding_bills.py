"""A sandbox's bills are set back: each rehearsal is as new, with nothing said of it yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.bills import models
from payments.govstack.sandbox import SandboxBill
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import Conflict
from shared.ids import new_id

# No program deletes what was said of a bill; the function does, and takes rehearsals only.
_FORGET = text("SELECT forget_rehearsal_bills(:organisation, cast(:references AS text[]))")
_REAL = text(
    "SELECT min(reference) FROM bill WHERE organisation = :organisation AND NOT is_rehearsal"
    " AND reference = ANY (:references)"
)


def seed_bills(
    session: Session,
    organisation: str,
    bills: Sequence[SandboxBill],
    programme_id: UUID,
    now: datetime,
) -> None:
    """Put rehearsals of bills into a sandbox; one of the same reference is as if it had never been.

    Raises:
        Conflict: a reference belongs to what is not a rehearsal.
    """
    if not bills:
        return
    values = {"organisation": organisation, "references": [bill.reference for bill in bills]}
    if real := session.execute(_REAL, values).scalar_one_or_none():
        raise Conflict("not_a_rehearsal", f"Bill {real} is not a rehearsal")
    session.execute(_FORGET, values)
    today = london_date(now)
    rows = []
    for bill in bills:
        due_on = today + timedelta(days=-1 if bill.state == "expired" else bill.due_in_days)
        rows.append(
            {
                "id": new_id(),
                "organisation": organisation,
                "programme_id": programme_id,
                "reference": bill.reference,
                "payer_name": bill.payer_name,
                "amount_pence": bill.amount_pence,
                "description": bill.description,
                "due_on": due_on,
                "expires_on": due_on,
                "state": bill.state,
                "state_at": now,
                "is_rehearsal": True,
                "created_at": now,
                "correlation_id": correlation_id(),
            }
        )
    session.execute(insert(models.bill), rows)
