"""Money that came back and is not paid again goes back to its programme."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.work.actions import finish_item
from payments.ledger.accounting import post_written_back
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, NotFound

_PAYMENT = text(
    """
    SELECT p.id, p.public_id, p.organisation, p.state, p.amount_pence
      FROM work_item w JOIN payment p ON p.id = w.payment_id
     WHERE w.id = :item AND w.body = :body AND w.kind IN ('returned', 'rejected')
       FOR UPDATE OF p
    """
)
_REPLACED = text(
    "SELECT EXISTS (SELECT 1 FROM payment WHERE replaces = :public_id"
    " AND state NOT IN ('cancelled', 'recalled', 'invalid'))"
)
_WRITTEN_BACK = text(
    "SELECT EXISTS (SELECT 1 FROM entry WHERE body = :body"
    " AND event_type = 'payment.written_back' AND event_id = :event)"
)


def write_back(session: Session, item_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Give the money of a returned or rejected payment back to its programme and close the work.

    Raises:
        NotFound: no such item of this body, or it is not about a payment that came back.
        Conflict: ``not_returned``; ``paid_again``, another payment replaces it; ``written_back``
            before.
        Invalid: no reason.
    """
    body = actor.organisation or ""
    payment = session.execute(_PAYMENT, {"item": item_id, "body": body}).one_or_none()
    if payment is None:
        raise NotFound("no_such_work_item", "There is no such work item")
    if payment.state not in ("returned", "scheme_rejected"):
        raise Conflict("not_returned", "The money of this payment has not come back")
    if session.execute(_REPLACED, {"public_id": payment.public_id}).scalar_one():
        raise Conflict("paid_again", "Another payment replaces this one already")
    if is_written_back(session, body, payment.id):
        raise Conflict("written_back", "This payment was written back before")
    finish_item(session, item_id, reason, actor, now)
    post_written_back(session, body, payment.id, payment.amount_pence, london_date(now))
    facts = {"amount_pence": payment.amount_pence, "reason": reason.strip()}
    audit.record(session, actor, "payment.written_back", "payment", payment.public_id, facts)


def is_written_back(session: Session, body: str, payment_id: UUID) -> bool:
    """Tell whether the money of a payment went back to its programme."""
    values = {"body": body, "event": str(payment_id)}
    return bool(session.execute(_WRITTEN_BACK, values).scalar_one())
