"""Writing down what happened to a bill."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.queries import Bill
from payments.bills.rules import BillState
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.ids import new_id

Details = Mapping[str, str | int | None]


def note(
    session: Session,
    actor: Actor,
    bill: Bill,
    kind: str,
    now: datetime,
    details: Details | None = None,
    *,
    state: BillState | None = None,
) -> None:
    """Add a line to a bill's history and to the audit trail; names of payers stay out of both."""
    write_event(session, actor, bill.id, kind, now, details, state=state)
    kept = {**(details or {}), "state": state or bill.state}
    audit.record(session, actor, f"payments.bill.{kind}", "bill", bill.reference, kept)


def write_event(
    session: Session,
    actor: Actor,
    bill_id: UUID,
    kind: str,
    now: datetime,
    details: Details | None = None,
    *,
    state: BillState | None = None,
) -> None:
    """Add a line to a bill's history alone."""
    session.execute(
        insert(models.bill_event).values(
            id=new_id(),
            bill_id=bill_id,
            at=now,
            kind=kind,
            state=state,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            details=dict(details or {}),
            correlation_id=correlation_id(),
        )
    )


def move(session: Session, bill: Bill, state: BillState, now: datetime) -> None:
    """Set the next state of a locked bill."""
    session.execute(
        update(models.bill).where(models.bill.c.id == bill.id).values(state=state, state_at=now)
    )
