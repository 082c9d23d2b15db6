"""Requests to pay come to an end; whoever asked is told by callback, through the outbox."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.queries import PayRequest
from payments.bills.rules import RequestReason, RequestState
from payments.govstack.actions.callbacks import plan_callback

_REQUEST = [models.bill_request.c[field.name] for field in fields(PayRequest)]


def end_pending(
    session: Session,
    bill_ids: Sequence[UUID],
    state: RequestState,
    now: datetime,
    *,
    reason: RequestReason = "",
    payment_reference: str = "",
) -> list[PayRequest]:
    """End the pending requests of bills, which the caller has locked; returns them as they are now.

    A payment's reference is told with ``COM``, a reason with ``RJC``.
    """
    table = models.bill_request
    rows = session.execute(
        update(table)
        .where(table.c.bill_id.in_(bill_ids), table.c.state == "PND")
        .values(
            state=state, state_at=now, reject_reason=reason, payment_reference=payment_reference
        )
        .returning(*_REQUEST)
    )
    ended = [PayRequest(**row._asdict()) for row in rows]
    references = _references(session, [one.bill_id for one in ended if one.callback_url])
    for one in ended:
        if one.callback_url:
            tell(session, one, references[one.bill_id], now)
    return ended


def _references(session: Session, bill_ids: Sequence[UUID]) -> dict[UUID, str]:
    if not bill_ids:
        return {}
    query = select(models.bill.c.id, models.bill.c.reference).where(models.bill.c.id.in_(bill_ids))
    return {row.id: row.reference for row in session.execute(query)}


def tell(session: Session, request: PayRequest, bill_reference: str, now: datetime) -> None:
    """Plan the callback that tells whoever asked how their request stands."""
    plan_callback(
        session,
        request.organisation,
        request.callback_url,
        state_of(request, bill_reference),
        now,
        correlation=request.callback_correlation,
    )


def state_of(request: PayRequest, bill_reference: str) -> dict[str, object]:
    """Return how a request stands in the published words."""
    told: dict[str, object] = {
        "requestID": request.request_id,
        "rtpId": request.rtp_id,
        "billId": bill_reference,
        "rtpStatus": request.state,
    }
    if request.reject_reason:
        told["rejectReason"] = request.reject_reason
    if request.payment_reference:
        told["paymentReferenceID"] = request.payment_reference
    return told
