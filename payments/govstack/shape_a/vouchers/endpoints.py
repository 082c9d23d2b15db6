"""Shape A's vouchers: pre-activation, activation, redemption, status, cancellation."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from payments.govstack.actions.callbacks import plan_callback
from payments.govstack.deps import BodyDep, CallerDep, GovStackCaller, RefusalError, answer
from payments.govstack.queries import is_building_block
from payments.govstack.rules import text_of
from payments.govstack.shape_a.rules import (
    is_correlation_id,
    read_number,
    read_voucher_pence,
    show_pounds,
)
from payments.payees.deps import VaultDep
from payments.vouchers.actions.change import change
from payments.vouchers.actions.issue import VoucherOrder, activate, pre_activate
from payments.vouchers.actions.redeem import Redemption, redeem
from payments.vouchers.queries import find_group, find_voucher
from payments.vouchers.rules import EXPIRES, VoucherState
from shared.errors import Conflict, Invalid, NotFound
from shared.web.deps import NowDep, SessionDep

router = APIRouter(prefix="/vouchers")

_TEXT = 256
_REDEMPTION = (
    "voucher_number",
    "Gov_Stack_BB",
    "merchant_name",
    "merchant_bank_details",
    "merchant_voucher_group",
    "override",
)
_STATUSES: dict[VoucherState, str] = {
    "not_pre_activated": "Not Pre-Activated",
    "pre_activated": "Pre-Activated",
    "activated": "Activated",
    "suspended": "Suspended",
    "blocked": "Blocked",
    # The shape has no word for it; its own published data shows cancelled vouchers so.
    "cancelled": "Blocked",
    "purged": "Purged",
}


def _no(status: int, message: str) -> RefusalError:
    return RefusalError(status, {"message": message})


def _object(body: object, caller: GovStackCaller) -> dict[str, object]:
    """Return the members that were sent; refuses an empty body and a bad correlation header."""
    if not isinstance(body, dict) or not body or not is_correlation_id(caller.correlation):
        raise _no(400, "Invalid request")
    return body


def _need_block(session: Session, caller: GovStackCaller, body: object, status: int = 460) -> str:
    name = text_of(body, "Gov_Stack_BB", at_most=_TEXT) or ""
    if not is_building_block(session, caller.organisation, name):
        raise _no(status, "GovStack Building Block does not exist")
    return name


@router.post("/voucher_preactivation")
@router.post("/voucherPreactivation")
def preactivate(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Make a voucher that cannot be used yet; its secret number is told this once."""
    sent = _object(body, caller)
    pence = read_voucher_pence(sent.get("voucher_amount"))
    if not pence:
        raise _no(452, "Invalid amount")
    currency = text_of(sent, "voucher_currency", exactly=3) or ""
    if not (currency.isalpha() and currency.isascii() and currency.isupper()):
        raise _no(453, "Invalid currency")
    group = text_of(sent, "voucher_group", at_most=_TEXT) or ""
    if not group or find_group(session, caller.organisation, group) is None:
        raise _no(454, "Invalid voucher group")
    block = _need_block(session, caller, sent)
    remark = sent.get("voucher_comment")
    order = VoucherOrder(
        caller.organisation,
        group,
        pence,
        currency,
        block,
        remark[:_TEXT] if isinstance(remark, str) else "",
    )
    try:
        made = pre_activate(session, vault, order, caller.actor, now)
    except Invalid as error:
        raise _no(453, "Invalid currency") from error
    except Conflict as error:
        raise _no(455, "Voucher group exhausted") from error
    until = made.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    _tell(session, caller, made.serial, "Pre-Activated", now)
    return answer(
        {
            "voucher_number": made.number,
            "voucher_serial_number": made.serial,
            "expiry_date_time": until,
        }
    )


@router.patch("/voucher_activation")
@router.patch("/voucherActivation")
def make_usable(body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep) -> Response:
    """Make a pre-activated voucher usable."""
    sent = _object(body, caller)
    if "voucher_serial_number" not in sent or "Gov_Stack_BB" not in sent:
        raise _no(400, "Invalid request")
    _need_block(session, caller, sent)
    serial = read_number(sent["voucher_serial_number"])
    if serial is None:
        raise _no(456, "Invalid voucher serial number")
    try:
        activate(session, caller.organisation, serial, caller.actor, now)
    except (NotFound, Conflict, Invalid) as error:
        raise _no(456, "Invalid voucher serial number") from error
    _tell(session, caller, serial, "Activated", now)
    return answer({"result_status": "Voucher is successfully activated"})


_REFUSED = {
    "merchant_not_credited": (463, "Cannot credit merchant"),
    "insufficient_funds": (462, "Insufficient funds in funding a/c"),
}


@router.post("/voucher_redemption")
@router.post("/voucher_redeemption")
@router.post("/voucherRedeemption")
def use(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Use a voucher up; its merchant is paid with the next run."""
    sent = _object(body, caller)
    if any(name not in sent for name in _REDEMPTION):
        raise _no(400, "Invalid request")
    _need_block(session, caller, sent)
    number = read_number(sent["voucher_number"])
    if number is None:
        raise _no(461, "Invalid voucher number")
    texts = [text_of(sent, name, at_most=_TEXT) for name in _REDEMPTION[2:5]]
    override = sent["override"]
    if not all(texts) or not isinstance(override, bool):
        raise _no(400, "Invalid request")
    name, details, group = (text or "" for text in texts)
    order = Redemption(caller.organisation, number, name, details, group, override)
    try:
        voucher = redeem(session, vault, order, caller.actor, now)
    except (Invalid, Conflict, NotFound) as error:
        status, words = _REFUSED.get(error.code, (461, "Invalid voucher number"))
        raise _no(status, words) from error
    _tell(session, caller, voucher.serial, "Used", now)
    return answer({"result_status": "Voucher is successfully redeemed"})


@router.get("/voucherstatuscheck/{serial}")
@router.get("/voucherStatusCheck/{serial}")
def tell_status(
    serial: str,
    caller: CallerDep,
    session: SessionDep,
    now: NowDep,
    block: Annotated[str | None, Query(alias="Gov_Stack_BB", max_length=_TEXT)] = None,
) -> Response:
    """Tell a voucher's state and worth."""
    if not (serial.isalnum() and serial.isascii()) or not is_correlation_id(caller.correlation):
        raise _no(400, "Invalid request")
    if block is not None:
        _need_block(session, caller, {"Gov_Stack_BB": block})
    number = read_number(serial)
    if number is None:
        raise _no(456, "Invalid voucher number")
    voucher = find_voucher(session, caller.organisation, number)
    if voucher is None:
        return answer({"voucher_status": "Not Existing", "voucher_amount": "0"})
    if voucher.state == "used":
        raise _no(458, "Voucher number already used")
    if voucher.state == "expired" or (voucher.state in EXPIRES and voucher.expires_at <= now):
        raise _no(459, "Voucher has expired")
    return answer(
        {
            "voucher_status": _STATUSES[voucher.state],
            "voucher_amount": show_pounds(voucher.amount_pence),
        }
    )


@router.patch("/voucherstatuscheck/{serial}")
@router.patch("/voucherCancellation/{serial}")
def cancel(
    serial: str, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Cancel a voucher for ever, also a blocked one."""
    sent = _object(body, caller)
    if not sent.get("voucherserialnumber") or not sent.get("Gov_Stack_BB"):
        raise _no(400, "Invalid request")
    _need_block(session, caller, sent, status=463)
    number = read_number(serial)
    if number is None or read_number(sent["voucherserialnumber"]) != number:
        raise _no(463, "Invalid voucher")
    voucher = find_voucher(session, caller.organisation, number, lock=True)
    if voucher is None:
        raise _no(463, "Invalid voucher")
    if voucher.state == "cancelled":
        raise _no(464, "Voucher is already cancelled")
    try:
        change(session, voucher, "cancelled", "Cancelled by its issuer", caller.actor, now)
    except Conflict as error:
        raise _no(463, "Invalid voucher") from error
    _tell(session, caller, number, "Cancelled", now)
    return answer({"message": "Voucher cancelled"})


def _tell(session: Session, caller: GovStackCaller, serial: str, status: str, now: NowDep) -> None:
    """Plan the callback that a caller asked for; it never carries a voucher's secret number."""
    report = {"voucher_serial_number": serial, "voucher_status": status}
    plan_callback(
        session,
        caller.organisation,
        caller.callback_url,
        report,
        now,
        method="PUT",
        correlation=caller.correlation,
    )
