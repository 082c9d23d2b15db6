"""The payer's provider, or who asked, says what became of a request to pay."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from payments.bills.actions.history import write_event
from payments.bills.actions.pay import PaymentNotice, lock_notice, pay_bill
from payments.bills.actions.pending import end_pending
from payments.bills.queries import PayRequest, find_request, lock_bill
from payments.bills.rules import RequestReason, RequestState, can_request_move
from shared.actors import Actor
from shared.errors import Conflict, NotFound


@dataclass(frozen=True)
class RequestAnswer:
    """What is said of a request to pay; a payment's reference comes with ``COM``."""

    organisation: str
    is_rehearsal: bool
    institution: str
    request_id: str
    rtp_id: str
    bill_reference: str
    state: RequestState
    reason: RequestReason
    payment_reference: str


def answer_request(
    session: Session, sent: RequestAnswer, actor: Actor, now: datetime
) -> PayRequest:
    """Move a pending request; ``COM`` marks its bill as paid. The same said again changes nothing.

    Raises:
        NotFound: no such request.
        Conflict: of another bill or provider, ended otherwise, or the bill cannot be paid.
    """
    found = _find(session, sent)
    notice = _notice(sent, found)
    if sent.state == "COM":
        lock_notice(session, notice)
    bill = lock_bill(session, found.bill_id)
    found = _find(session, sent)
    if sent.bill_reference and sent.bill_reference != bill.reference:
        raise Conflict("other_bill", "The request to pay is for another bill")
    if found.institution and sent.institution and found.institution != sent.institution:
        raise Conflict("other_institution", "The request to pay went to another provider")
    if not can_request_move(found.state, sent.state) or (
        found.state == sent.state != "PND"
        and (found.reject_reason, found.payment_reference) != (sent.reason, sent.payment_reference)
    ):
        raise Conflict("request_state", f"The request to pay is {found.state} already")
    if found.state == sent.state:
        return found
    if sent.state == "COM":
        answered = pay_bill(session, replace(notice, bill_reference=bill.reference), actor, now)
        if not answered.transfer.is_accepted:
            raise Conflict("bill_not_payable", answered.transfer.words)
    else:
        end_pending(session, [bill.id], sent.state, now, reason=sent.reason)
        details: dict[str, str | int | None] = {"rtp": found.rtp_id, "answer": sent.state}
        write_event(session, actor, bill.id, "request_ended", now, details)
    return _find(session, sent)


def _find(session: Session, sent: RequestAnswer) -> PayRequest:
    found = find_request(session, sent.organisation, sent.rtp_id, is_rehearsal=sent.is_rehearsal)
    if found is None:
        raise NotFound("no_such_request", "The request to pay is not known")
    return found


def _notice(sent: RequestAnswer, found: PayRequest) -> PaymentNotice:
    """Return the message that the bill was paid, as the answer implies it."""
    return PaymentNotice(
        sent.organisation,
        sent.is_rehearsal,
        sent.institution or found.institution or sent.organisation,
        sent.request_id,
        sent.bill_reference,
        sent.payment_reference,
        found.amount_pence,
    )
