"""Shape B's vouchers: create, activate, cancel, redeem, status."""

from datetime import datetime

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from payments.govstack.actions.callbacks import plan_callback
from payments.govstack.deps import BodyDep, CallerDep, GovStackCaller, RefusalError, answer
from payments.govstack.reports import pounds
from payments.govstack.rules import body_sha256
from payments.govstack.shape_a.rules import RefusedError, read_number
from payments.govstack.shape_b.endpoints import Text, refused
from payments.govstack.shape_b.rules import (
    STATUS_CODES,
    STATUS_ERROR,
    member,
    read_serials,
    read_wishes,
    request_id_of,
    text_at,
)
from payments.payees.bank_details import DetailsVault
from payments.payees.deps import VaultDep
from payments.vouchers.actions.change import change
from payments.vouchers.actions.issue import VoucherOrder, activate, pre_activate
from payments.vouchers.actions.redeem import redeem_by_agent
from payments.vouchers.queries import find_voucher
from shared import idempotency
from shared.errors import Conflict, Problem
from shared.ids import public_id
from shared.web.deps import NowDep, SessionDep

router = APIRouter()
_AGENT = 10


def _said(words: str, body: object, **more: object) -> Response:
    return answer(
        {
            "responseCode": "00",
            "responseDescription": words,
            "requestID": request_id_of(body),
            **more,
        }
    )


@router.post("/vouchers")
@router.put("/vouchers")
def command_vouchers(
    body: BodyDep,
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    command: Text = "create",
) -> Response:
    """Create, activate or cancel vouchers, all of a message or none."""
    try:
        if command == "create":
            return _create(session, vault, caller, body, now)
        if command not in ("activate", "cancel"):
            raise RefusedError("command must be create, activate or cancel")  # noqa: TRY301 - one answer for all refusals
        serials = read_serials(body)
        for serial in serials:
            _change(session, caller, command, serial, now)
    except RefusedError as error:
        raise refused(str(error), body) from error
    except Problem as problem:
        raise refused(problem.title, body) from problem
    report: dict[str, object] = {
        "requestID": request_id_of(body),
        "serialNumbers": serials,
        "command": command,
    }
    _call_back(session, caller, report, now)
    return _said(f"{len(serials)} vouchers: {command}", body)


def _call_back(
    session: Session, caller: GovStackCaller, report: dict[str, object], now: datetime
) -> None:
    plan_callback(
        session,
        caller.organisation,
        caller.callback_url,
        report,
        now,
        correlation=caller.correlation,
    )


def _change(
    session: Session, caller: GovStackCaller, command: str, serial: str, now: datetime
) -> None:
    if command == "activate":
        activate(session, caller.organisation, serial, caller.actor, now)
        return
    voucher = find_voucher(session, caller.organisation, serial, lock=True)
    if voucher is None:
        raise Conflict("no_such_voucher", f"Voucher {serial} does not exist")
    change(session, voucher, "cancelled", "Cancelled by its issuer", caller.actor, now)


def _create(
    session: Session, vault: DetailsVault, caller: GovStackCaller, body: object, now: datetime
) -> Response:
    """Make vouchers once for each request id; their secret numbers are told in the first answer."""
    wishes = read_wishes(body, is_open=caller.is_open)
    scope = f"payments.govstack.vouchers:{caller.organisation}:{caller.actor.id}"
    key, digest = request_id_of(body), body_sha256(body)
    stored = idempotency.remember(session, scope, key, digest)
    if stored is not None:
        kept = stored.body if isinstance(stored.body, list) else []
        return _said("The vouchers were made before", body, voucherInstructions=kept)
    made, told = [], []
    for wish in wishes:
        order = VoucherOrder(
            caller.organisation,
            wish.group,
            wish.amount_pence,
            wish.currency,
            remark=wish.narration,
        )
        voucher = pre_activate(session, vault, order, caller.actor, now)
        line = {
            "instructionID": wish.instruction_id,
            "serialNumber": voucher.serial,
            "currency": wish.currency,
            "amount": pounds(wish.amount_pence),
            "narration": wish.narration,
        }
        told.append(line)
        made.append({**line, "voucherNumber": voucher.number})
    idempotency.store(session, scope, key, digest, status=200, body=told)
    report: dict[str, object] = {"requestID": key, "voucherInstructions": told}
    _call_back(session, caller, report, now)
    return _said("The vouchers are made", body, voucherInstructions=made)


@router.get("/vouchers/{serial}")
def tell_status(
    serial: str, caller: CallerDep, session: SessionDep, fields: Text = "status"
) -> Response:
    """Tell a voucher's status code and worth."""
    number = read_number(serial)
    found = find_voucher(session, caller.organisation, number) if number else None
    if found is None or fields != "status":
        message = {
            "status": STATUS_ERROR,
            "message": "Invalid voucher serial number",
            "serialNumber": serial[:20],
            "value": 0.0,
        }
        return answer(message, 400)
    return answer(
        {
            "status": STATUS_CODES[found.state],
            "serialNumber": found.serial,
            "value": pounds(found.amount_pence),
        }
    )


@router.post("/voucherRedemption")
def use(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Use a voucher up by serial and secret number, for the agent who took it."""
    try:
        request_id = text_at(body, "requestID", 12)
        agent = text_at(body, "agentID", _AGENT)
    except RefusedError as error:
        raise refused(str(error), body) from error
    serial = read_number(member(body, "voucherSerialNumber"))
    number = read_number(member(body, "voucherSecretNumber"))
    if serial is None or number is None:
        raise _failed(serial or "", 400)
    try:
        voucher = redeem_by_agent(
            session, vault, caller.organisation, serial, number, agent, caller.actor, now
        )
    except Problem as problem:
        raise _failed(serial, 200) from problem
    report: dict[str, object] = {"requestID": request_id, "serialNumber": serial, "status": 1}
    _call_back(session, caller, report, now)
    return answer(
        {
            "status": 1,
            "message": "Voucher redeemed",
            "serialNumber": serial,
            "value": pounds(voucher.amount_pence),
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "transactionId": public_id()[:12],
        }
    )


def _failed(serial: str, status: int) -> RefusalError:
    message = {
        "status": 0,
        "message": "Not redeemed",
        "serialNumber": serial[:20],
        "value": 0.0,
        "timestamp": None,
        "transactionId": "",
    }
    return RefusalError(status, message)
