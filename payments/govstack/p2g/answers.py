"""What callers are told about bills and requests to pay.

Published texts name the same members differently, so both names are there: ``reason`` and
``responseDescription``, ``requestID`` and ``requestId``.
"""

from datetime import date, datetime

from payments.bills.queries import Bill, PayRequest, Transfer
from payments.bills.rules import RejectReason
from payments.govstack.deps import RefusalError
from payments.govstack.p2g.rules import request_id_in
from payments.govstack.reports import pounds
from payments.govstack.shape_a.rules import RefusedError

_LONGEST = 200
# The published shape has ten characters for each.
_BILLER = 10
_STATUSES = {"open": "UNPAID", "paid": "PAID", "expired": "EXPIRED", "cancelled": "CANCELLED"}


def request_words(words: str, request_id: str, code: str = "00") -> dict[str, object]:
    """Return the members that every answer has."""
    return {
        "responseCode": code,
        "responseDescription": words[:_LONGEST],
        "reason": words[:_LONGEST],
        "requestID": request_id,
        "requestId": request_id,
    }


def refused(
    words: str,
    body: object = None,
    *,
    status: int = 400,
    reason: RejectReason = "",
    request_id: str = "",
) -> RefusalError:
    """Return the refusal of a message; nothing of it is kept."""
    told = request_words(words, request_id or _id_of(body), "01")
    if reason:
        told |= {"status": "RJC", "rejectReason": reason}
    return RefusalError(status, told)


def _id_of(body: object) -> str:
    try:
        return request_id_in(body, needed=False)
    except RefusedError:
        return ""


def said(
    words: str, request_id: str, request: PayRequest, bill_reference: str
) -> dict[str, object]:
    """Return the answer to a message about a request to pay."""
    return {
        **request_words(words, request_id),
        "rtpId": request.rtp_id,
        "billId": bill_reference,
        "rtpStatus": request.state,
    }


def transfer_answer(transfer: Transfer) -> dict[str, object]:
    """Return the answer to a message that a bill was paid: ``ACK``, or ``RJC`` with why."""
    told = {
        **request_words(
            transfer.words, transfer.request_id, "00" if transfer.is_accepted else "01"
        ),
        "billId": transfer.bill_reference,
        "status": "ACK" if transfer.is_accepted else "RJC",
        "paymentReferenceID": transfer.payment_reference,
    }
    if transfer.reject_reason:
        told["rejectReason"] = transfer.reject_reason
    return told


def bill_details(bill: Bill, biller: str, today: date) -> dict[str, object]:
    """Return what is to be paid; amounts in pounds, the same before and after the day it is due."""
    is_over = bill.state == "open" and bill.expires_on < today
    amount = pounds(bill.amount_pence)
    return {
        "billerId": bill.organisation[:_BILLER],
        "billerName": biller[:_BILLER].strip(),
        "billStatus": "EXPIRED" if is_over else _STATUSES[bill.state],
        "dueDate": bill.due_on.isoformat(),
        "lastPaymentDate": bill.expires_on.isoformat(),
        "amountonDueDate": amount,
        "amountAfterDueDate": amount,
        "currency": bill.currency,
        "description": bill.description,
    }


def last_update(at: datetime) -> str:
    """Return an instant as published: ISO 8601 in UTC with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
