"""Messages about bills and requests to pay, read and judged (contract 18, shape B)."""

import re
from dataclasses import dataclass
from typing import cast

from payments.bills.rules import (
    REQUEST_REASONS,
    REQUEST_STATES,
    RequestReason,
    RequestState,
)
from payments.govstack.rules import pence_of
from payments.govstack.shape_a.rules import RefusedError
from payments.govstack.shape_b.rules import member, text_at

REQUEST_ID = 12
RTP_ID = 12
BILL_ID = 20
PAYMENT_REFERENCE = 16
INSTITUTION = 64
ADDRESS = 30
ALIAS_TYPE = 2
_CURRENCY = 3
_RTP = re.compile(r"[A-Za-z0-9._-]{1,12}", re.ASCII)
# By the payer's account, and by an alias of it.
BY_ADDRESS, BY_ALIAS = "00", "01"


@dataclass(frozen=True)
class Notice:
    """A message that a bill was paid; no amount stands for the whole bill."""

    request_id: str
    inquiry_id: str
    bill_id: str
    payment_reference: str
    amount_pence: int | None


@dataclass(frozen=True)
class Asking:
    """A message that asks a payer to pay."""

    request_id: str
    rtp_id: str
    bill_id: str
    request_type: str
    institution: str
    address: str
    amount_pence: int | None


@dataclass(frozen=True)
class Saying:
    """A message that says what became of a request to pay."""

    request_id: str
    rtp_id: str
    bill_id: str
    state: RequestState
    reason: RequestReason
    payment_reference: str


def any_text(value: object, names: tuple[str, ...], at_most: int, *, needed: bool = True) -> str:
    """Return a text member that goes by several names; refuses a missing, empty or long one."""
    name = next((one for one in names if member(value, one) is not None), names[0])
    return text_at(value, name, at_most, needed=needed)


def request_id_in(value: object, *, needed: bool = True) -> str:
    """Return the id of a message; refuses one that is missing, empty or long."""
    return any_text(value, ("requestID", "requestId"), REQUEST_ID, needed=needed)


def bill_id_in(value: object, *, needed: bool = True) -> str:
    """Return the bill of a message in capital letters."""
    return any_text(value, ("billId", "billID"), BILL_ID, needed=needed).strip().upper()


def amount_in(value: object, *names: str) -> int | None:
    """Return an amount as pence, None where none was sent; refuses what is no amount in pounds."""
    currency = text_at(value, "currency", _CURRENCY, needed=False)
    if currency not in ("", "GBP"):
        raise RefusedError("Currency must be GBP")
    name = next((one for one in names if member(value, one) is not None), None)
    if name is None:
        return None
    pence = pence_of(member(value, name))
    if pence is None:
        raise RefusedError(f"{name} must be a number above zero with up to two decimals")
    return pence


def read_notice(body: object) -> Notice:
    """Return what a provider says was paid."""
    return Notice(
        request_id_in(body),
        any_text(body, ("billInquiryRequestId", "billInquiryRequestID"), REQUEST_ID, needed=False),
        bill_id_in(body),
        any_text(body, ("paymentReferenceID", "paymentReferenceId"), PAYMENT_REFERENCE),
        amount_in(body, "amount", "billAmount"),
    )


def read_asking(body: object) -> Asking:
    """Return who shall be asked for what: by account (``00``) or by alias (``01``)."""
    request_type = text_at(body, "requestType", 2)
    if request_type not in (BY_ADDRESS, BY_ALIAS):
        raise RefusedError("requestType must be 00 or 01")
    rtp_id = any_text(body, ("rtpId", "rtpID"), RTP_ID, needed=False)
    if rtp_id and not _RTP.fullmatch(rtp_id):
        raise RefusedError("rtpId must be letters, digits, dots, hyphens and underscores")
    institution, address = _read_payer(body, request_type)
    details = member(body, "billDetails")
    if details is not None and not isinstance(details, dict):
        raise RefusedError("billDetails must be an object")
    return Asking(
        request_id_in(body),
        rtp_id,
        bill_id_in(body),
        request_type,
        institution,
        address,
        amount_in(details if details is not None else body, "amount", "billAmount"),
    )


def _read_payer(body: object, request_type: str) -> tuple[str, str]:
    if request_type == BY_ADDRESS:
        names = ("payerFiDetails", "payerFIDetails", "payerFspDetails")
        payer = next((found for one in names if (found := member(body, one)) is not None), None)
        if not isinstance(payer, dict):
            raise RefusedError("payerFiDetails must be an object")
        institution = any_text(payer, ("payerFiID", "payerFIID", "payerFSPID"), INSTITUTION)
        return institution, text_at(payer, "financialAddress", ADDRESS)
    alias = member(body, "alias")
    if not isinstance(alias, dict):
        raise RefusedError("alias must be an object")
    kind = text_at(alias, "aliasType", ALIAS_TYPE)
    return "", f"{kind}:{any_text(alias, ('aliasId', 'aliasID'), ADDRESS)}"


def read_saying(body: object) -> Saying:
    """Return what became of a request to pay; a rejection says why, a payment its reference."""
    state = any_text(body, ("rtpStatus", "requestStatus"), 3)
    if state not in REQUEST_STATES:
        raise RefusedError(f"rtpStatus must be one of {', '.join(REQUEST_STATES)}")
    reason = text_at(body, "rejectReason", 3, needed=False)
    if (reason in REQUEST_REASONS) != (state == "RJC") or (state != "RJC" and reason):
        raise RefusedError("rejectReason must be R, E or W with RJC, and is for RJC only")
    names = ("paymentReferenceID", "paymentReferenceId", "referenceId")
    paid = state == "COM"
    reference = any_text(body, names, PAYMENT_REFERENCE, needed=paid)
    if reference and not paid:
        raise RefusedError("paymentReferenceID is for COM only")
    return Saying(
        request_id_in(body),
        any_text(body, ("rtpId", "rtpID"), RTP_ID),
        bill_id_in(body, needed=False),
        state,
        cast("RequestReason", reason),
        reference,
    )
