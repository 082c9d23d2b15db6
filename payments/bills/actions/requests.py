"""A request to pay is made once; one bill has one pending request at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.actions.history import note
from payments.bills.actions.locks import lock_name
from payments.bills.queries import Bill, PayRequest, find_bill, find_request, list_requests
from payments.bills.rules import refusal_of
from payments.payees.bank_details import DetailsVault
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import Conflict
from shared.ids import new_id, public_id

RTP_LENGTH = 12


@dataclass(frozen=True)
class RequestOrder:
    """A request to pay as it was sent; ``address`` is where the payer is asked."""

    organisation: str
    is_rehearsal: bool
    source: str
    request_id: str
    rtp_id: str
    bill_reference: str
    request_type: str
    institution: str
    address: str
    amount_pence: int | None
    callback_url: str = ""
    callback_correlation: str = ""


def make_request(
    session: Session, vault: DetailsVault, order: RequestOrder, actor: Actor, now: datetime
) -> tuple[PayRequest, Bill]:
    """Ask that a bill be paid; the same request again is the first one and changes nothing.

    Raises:
        Conflict: the bill cannot be paid so, is asked for already, or the id means another request.
    """
    rtp_id = order.rtp_id or public_id()[:RTP_LENGTH].upper()
    lock_name(session, f"bill-request:{order.organisation}:{rtp_id}")
    bill = find_bill(
        session,
        order.organisation,
        order.bill_reference,
        is_rehearsal=order.is_rehearsal,
        lock=True,
    )
    known = find_request(session, order.organisation, rtp_id, is_rehearsal=order.is_rehearsal)
    if known is not None:
        return _same(vault, known, bill, order)
    refusal = refusal_of(bill.facts if bill else None, order.amount_pence, london_date(now))
    if refusal is not None or bill is None:
        words = refusal.words if refusal else "The bill is not known"
        raise Conflict("bill_not_payable", words)
    if any(one.state == "PND" for one in list_requests(session, bill.id)):
        raise Conflict("request_pending", "The bill is asked for already")
    return _store(session, vault, order, rtp_id, bill, actor, now), bill


def _same(
    vault: DetailsVault, known: PayRequest, bill: Bill | None, order: RequestOrder
) -> tuple[PayRequest, Bill]:
    """Return the known request where the order says the same; names the first differing member."""
    address = (
        vault.open_text(known.address_sealed, f"bill-request:{known.id}")
        if known.address_sealed
        else ""
    )
    pairs = (
        ("billId", known.bill_id, bill.id if bill else None),
        ("requestType", known.request_type, order.request_type),
        ("payerFiID", known.institution, order.institution),
        ("financialAddress", address, order.address),
        ("requestID", known.request_id, order.request_id),
    )
    for name, before, sent in pairs:
        if before != sent:
            raise Conflict(
                f"exists_with_different_{name}",
                f"The rtpId is that of a request whose {name} is another",
            )
    if bill is None:
        raise Conflict("bill_not_payable", "The bill is not known")
    return known, bill


def _store(
    session: Session,
    vault: DetailsVault,
    order: RequestOrder,
    rtp_id: str,
    bill: Bill,
    actor: Actor,
    now: datetime,
) -> PayRequest:
    row_id = new_id()
    made = PayRequest(
        id=row_id,
        organisation=order.organisation,
        rtp_id=rtp_id,
        bill_id=bill.id,
        source=order.source,
        request_id=order.request_id,
        request_type=order.request_type,
        institution=order.institution,
        address_sealed=vault.seal_text(order.address, f"bill-request:{row_id}")
        if order.address
        else None,
        amount_pence=bill.amount_pence,
        state="PND",
        reject_reason="",
        payment_reference="",
        callback_url=order.callback_url,
        callback_correlation=order.callback_correlation,
        created_at=now,
        state_at=now,
    )
    session.execute(
        insert(models.bill_request).values(**made.__dict__, correlation_id=correlation_id())
    )
    details = {"rtp": rtp_id, "institution": order.institution}
    note(session, actor, bill, "requested", now, details)
    return made
