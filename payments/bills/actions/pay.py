"""A provider says that a bill was paid: taken exactly once, booked, and told to who asked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.actions.history import move, note, write_event
from payments.bills.actions.locks import lock_name
from payments.bills.actions.pending import end_pending
from payments.bills.posting import post_paid
from payments.bills.queries import Bill, Transfer, find_bill, find_transfer
from payments.bills.rules import Refusal, refusal_of
from payments.webhooks.actions.announce import announce_fact
from payments.webhooks.rules import BILL_PAID
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.ids import new_id

_TAKEN = "The bill is marked as paid"


@dataclass(frozen=True)
class PaymentNotice:
    """What a provider says: who says it, under which id, of which bill.

    No amount stands for the whole bill.
    """

    organisation: str
    is_rehearsal: bool
    institution: str
    request_id: str
    bill_reference: str
    payment_reference: str
    amount_pence: int | None = None
    inquiry_id: str = ""


@dataclass(frozen=True)
class Answered:
    """What a provider is answered; ``is_replay`` where its id was answered before."""

    transfer: Transfer
    is_replay: bool


def lock_notice(session: Session, notice: PaymentNotice) -> None:
    """Have messages of the same id wait for each other; taken before any lock of a bill."""
    lock_name(
        session, f"bill-transfer:{notice.organisation}:{notice.institution}:{notice.request_id}"
    )


def pay_bill(session: Session, notice: PaymentNotice, actor: Actor, now: datetime) -> Answered:
    """Mark a bill as paid, or refuse; the same id again has the first answer, whatever came since.

    An id that comes again with other content is refused, and its first answer stays.
    """
    lock_notice(session, notice)
    known = find_transfer(session, notice.organisation, notice.institution, notice.request_id)
    if known is not None:
        return Answered(_compared(known, notice), is_replay=True)
    bill = find_bill(
        session,
        notice.organisation,
        notice.bill_reference,
        is_rehearsal=notice.is_rehearsal,
        lock=True,
    )
    refusal = refusal_of(bill.facts if bill else None, notice.amount_pence, london_date(now))
    transfer = _store(session, notice, bill, refusal, now)
    if bill is not None and refusal is None:
        _take(session, bill, transfer, actor, now)
    elif bill is not None and refusal is not None:
        details = {"institution": notice.institution, "reason": refusal.words}
        write_event(session, actor, bill.id, "payment_refused", now, details)
    return Answered(transfer, is_replay=False)


def _compared(known: Transfer, notice: PaymentNotice) -> Transfer:
    pairs = (
        ("billId", known.bill_reference, notice.bill_reference),
        ("paymentReferenceID", known.payment_reference, notice.payment_reference),
        ("billInquiryRequestId", known.inquiry_id, notice.inquiry_id),
        ("amount", known.amount_pence, notice.amount_pence),
    )
    for name, before, sent in pairs:
        # The amount of a taken bill is kept also where none was sent.
        if before != sent and not (name == "amount" and sent is None and known.is_accepted):
            return Transfer(
                **{
                    **known.__dict__,
                    "is_accepted": False,
                    "reject_reason": "Dup",
                    "words": f"The requestID is that of a message whose {name} is another",
                }
            )
    return known


def _store(
    session: Session,
    notice: PaymentNotice,
    bill: Bill | None,
    refusal: Refusal | None,
    now: datetime,
) -> Transfer:
    transfer = Transfer(
        id=new_id(),
        institution=notice.institution,
        request_id=notice.request_id,
        bill_reference=notice.bill_reference,
        payment_reference=notice.payment_reference,
        amount_pence=bill.amount_pence
        if bill is not None and refusal is None
        else notice.amount_pence,
        inquiry_id=notice.inquiry_id,
        bill_id=bill.id if bill else None,
        is_accepted=refusal is None,
        reject_reason=refusal.reason if refusal else "",
        words=refusal.words if refusal else _TAKEN,
        received_at=now,
    )
    session.execute(
        insert(models.bill_transfer).values(
            **transfer.__dict__,
            organisation=notice.organisation,
            correlation_id=correlation_id(),
        )
    )
    return transfer


def _take(session: Session, bill: Bill, transfer: Transfer, actor: Actor, now: datetime) -> None:
    move(session, bill, "paid", now)
    details: dict[str, str | int | None] = {
        "institution": transfer.institution,
        "payment_reference": transfer.payment_reference,
        "amount_pence": bill.amount_pence,
    }
    note(session, actor, bill, "paid", now, details, state="paid")
    end_pending(session, [bill.id], "COM", now, payment_reference=transfer.payment_reference)
    if bill.is_rehearsal:
        return
    post_paid(session, bill, transfer.id, transfer.payment_reference, london_date(now))
    told: dict[str, str | int | None] = {
        "bill": bill.reference,
        "state": "paid",
        "amount_pence": bill.amount_pence,
        "currency": bill.currency,
        "payment_reference": transfer.payment_reference,
    }
    announce_fact(
        session,
        bill.organisation,
        BILL_PAID,
        bill.reference,
        told,
        now,
        client_id=bill.client_id,
    )
