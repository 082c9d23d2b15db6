"""Letting a held payment go: by another person than its makers, with a record of the decision."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from payments.payees.models import name_check
from payments.payees.overrides.models import hold_override
from payments.payees.rules import POLICY_VERSION
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.errors import Forbidden
from shared.ids import new_id

# Who did one of these to the payment or its run has made it what it is.
_MADE_IT = text(
    """
    SELECT EXISTS (
      SELECT FROM run_event
       WHERE run_id = :run AND (payment_id IS NULL OR payment_id = :payment)
         AND kind IN ('opened', 'received', 'edited', 'put_forward')
         AND actor_kind = 'staff' AND actor_id = :person)
    """
)


@dataclass(frozen=True)
class HeldPayment:
    """What a decision record says of the payment that was held."""

    id: UUID
    run_id: UUID
    organisation: str
    reference: str
    amount_pence: int
    hold_code: str
    hold_reason: str
    check_id: UUID | None


def refuse_maker(session: Session, held: HeldPayment, actor: Actor) -> None:
    """Refuse a person who uploaded, entered or edited the payment or put its run forward.

    Raises:
        Forbidden: ``same_person``; contract 5.4 and 9, whatever the person's roles are.
    """
    values = {"run": held.run_id, "payment": held.id, "person": actor.id}
    if session.execute(_MADE_IT, values).scalar_one():
        raise Forbidden(
            "same_person",
            "Somebody else has to release this hold",
            detail="You entered or edited the payment, or put its run forward.",
        )


def record_override(
    session: Session, held: HeldPayment, reason: str, actor: Actor, now: datetime
) -> None:
    """Keep the decision for good: hold, name check, policy version, reason, person, instant."""
    check = (
        session.execute(
            select(
                name_check.c.outcome, name_check.c.reason_code, name_check.c.policy_version
            ).where(
                name_check.c.organisation == held.organisation, name_check.c.id == held.check_id
            )
        ).one_or_none()
        if held.check_id is not None
        else None
    )
    session.execute(
        insert(hold_override).values(
            id=new_id(),
            organisation=held.organisation,
            payment_id=held.id,
            payment_reference=held.reference,
            amount_pence=held.amount_pence,
            hold_code=held.hold_code,
            hold_reason=held.hold_reason,
            check_id=held.check_id,
            outcome=check.outcome if check else None,
            reason_code=check.reason_code if check else None,
            policy_version=check.policy_version if check else POLICY_VERSION,
            reason=reason,
            person_id=actor.id,
            person_name=actor.name,
            decided_at=now,
            correlation_id=correlation_id(),
        )
    )
