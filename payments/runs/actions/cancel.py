"""A program takes back a payment that it ordered, as long as nobody put it forward."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.runs import models
from payments.runs.actions.history import move_payments, note_payment
from payments.runs.actions.steps import check_reason
from payments.runs.queries.payments import Payment, get_payment_for_client, lock_payments
from payments.runs.queries.runs import lock_run
from payments.runs.rules import PaymentState
from shared.actors import Actor
from shared.errors import Conflict

_CANCELLABLE: tuple[PaymentState, ...] = ("held", "ready", "rejected")


def cancel_payment(
    session: Session, client_id: str, public_id: str, reason: str, actor: Actor, now: datetime
) -> Payment:
    """Cancel a payment of this client; cancelled already is the same answer.

    What waits for approval is people's: they remove it, and its run is put forward again.

    Raises:
        NotFound: another client's, or none.
        Conflict: ``payment_state``, it was put forward or is finished; ``run_busy``.
        Invalid: no reason.
    """
    seen = get_payment_for_client(session, client_id, public_id)
    reason = check_reason(reason)
    run = lock_run(session, seen.organisation, seen.run_id)
    payment = lock_payments(session, [seen.id])[0]
    if payment.state == "cancelled":
        return payment
    if run.working is not None:
        raise Conflict("run_busy", "The run of this payment is being worked on: try again")
    if payment.state not in _CANCELLABLE or run.state not in ("collecting", "correcting"):
        raise Conflict("payment_state", f"The payment is {payment.state}: too late to cancel")
    session.execute(
        update(models.payment).where(models.payment.c.id == payment.id).values(reason=reason)
    )
    move_payments(session, [payment], "cancelled", now)
    details = {"reason": reason}
    note_payment(session, actor, payment, "removed", now, state="cancelled", details=details)
    return lock_payments(session, [payment.id])[0]
