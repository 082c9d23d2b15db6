"""Bills and requests to pay: inquiry, marked as paid, asked for, answered, looked up."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from payments.bills.actions.answer import RequestAnswer, answer_request
from payments.bills.actions.pay import PaymentNotice, pay_bill
from payments.bills.actions.pending import state_of
from payments.bills.actions.requests import RequestOrder, make_request
from payments.bills.queries import (
    PayRequest,
    Transfer,
    find_bill,
    find_request,
    find_transfer_told,
    get_bill_by_id,
)
from payments.govstack.actions.callbacks import plan_callback
from payments.govstack.deps import BodyDep, CallerDep, GovStackCaller, answer
from payments.govstack.p2g.answers import (
    bill_details,
    last_update,
    refused,
    request_words,
    said,
    transfer_answer,
)
from payments.govstack.p2g.rules import (
    BILL_ID,
    REQUEST_ID,
    read_asking,
    read_notice,
    read_saying,
    request_id_in,
)
from payments.govstack.shape_a.rules import RefusedError
from payments.payees.deps import VaultDep
from payments.runs.queries.runs import find_body_name
from shared.clock import london_date
from shared.errors import Problem
from shared.web.deps import NowDep, SessionDep

router = APIRouter()

_ACCEPTED = 202
_PAYER_HEADERS = ("X-PayerFI-Id", "PayerFI-Id", "X-Registering-Institution-ID")
_LONGEST = 64
Fields = Annotated[str, Query(max_length=_LONGEST)]


def _institution(request: Request, caller: GovStackCaller) -> str:
    """Return which provider speaks, by its header, else the program that calls."""
    return _named(request) or caller.actor.id[:_LONGEST]


def _named(request: Request) -> str:
    """Return the provider that a header names, empty where none does.

    Raises:
        RefusalError: its name is too long.
    """
    given = next((found for one in _PAYER_HEADERS if (found := request.headers.get(one, ""))), "")
    if len(given) > _LONGEST or not given.isprintable():
        raise refused(f"X-PayerFI-Id must be up to {_LONGEST} characters")
    return given


@router.get("/bills/{bill_id}")
def inquire(
    bill_id: str, caller: CallerDep, session: SessionDep, now: NowDep, fields: Fields = ""
) -> Response:
    """Tell what is to be paid on a bill and until when; also by callback where an address is."""
    request_id = caller.correlation[:REQUEST_ID]
    if fields != "inquiry":
        raise refused("fields must be inquiry", request_id=request_id)
    return _tell_bill(session, caller, bill_id, request_id, now)


@router.post("/bills/{bill_id}")
def inquire_by_message(
    bill_id: str, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Tell the same to a message that carries its own request id."""
    try:
        request_id = request_id_in(body)
    except RefusedError as error:
        raise refused(str(error), body) from error
    return _tell_bill(session, caller, bill_id, request_id, now)


def _tell_bill(
    session: Session, caller: GovStackCaller, bill_id: str, request_id: str, now: NowDep
) -> Response:
    reference = bill_id.strip().upper()
    if not reference.isprintable() or len(reference) > BILL_ID:
        raise refused(f"billId must be up to {BILL_ID} characters", request_id=request_id)
    bill = find_bill(session, caller.organisation, reference, is_rehearsal=caller.is_open)
    if bill is None:
        raise refused("The bill is not known", request_id=request_id, status=404)
    name = find_body_name(session, caller.organisation) or caller.organisation
    told: dict[str, object] = {
        "code": "00",
        "reason": "The bill is found",
        "requestId": request_id,
        "billId": bill.reference,
        "billDetails": bill_details(bill, name, london_date(now)),
    }
    _call_back(session, caller, told, now)
    return answer({**request_words("The bill is found", request_id), **told}, _ACCEPTED)


def _call_back(
    session: Session, caller: GovStackCaller, report: dict[str, object], now: NowDep
) -> None:
    plan_callback(
        session,
        caller.organisation,
        caller.callback_url,
        report,
        now,
        correlation=caller.correlation,
    )


@router.post("/billTransferRequests")
def mark_paid(
    request: Request, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Mark a bill as paid, exactly once; what is refused stays refused under its request id."""
    try:
        sent = read_notice(body)
    except RefusedError as error:
        raise refused(str(error), body, reason="Def") from error
    notice = PaymentNotice(
        caller.organisation,
        caller.is_open,
        _institution(request, caller),
        sent.request_id,
        sent.bill_id,
        sent.payment_reference,
        sent.amount_pence,
        sent.inquiry_id,
    )
    answered = pay_bill(session, notice, caller.actor, now)
    told = transfer_answer(answered.transfer)
    if not answered.is_replay:
        _call_back(session, caller, told, now)
    headers = {"Idempotent-Replayed": "true"} if answered.is_replay else {}
    status = _ACCEPTED if answered.transfer.is_accepted else 400
    response = answer(told, status)
    response.headers.update(headers)
    return response


@router.post("/rtpRequest")
def ask(
    request: Request,
    body: BodyDep,
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Ask that a bill be paid; how it ends is told by callback."""
    try:
        sent = read_asking(body)
        headers = request.headers
        source = headers.get("X-Biller-Id", "") or _institution(request, caller)
        order = RequestOrder(
            caller.organisation,
            caller.is_open,
            source[:_LONGEST],
            sent.request_id,
            sent.rtp_id,
            sent.bill_id,
            sent.request_type,
            sent.institution,
            sent.address,
            sent.amount_pence,
            caller.callback_url,
            caller.correlation[:_LONGEST],
        )
        made, bill = make_request(session, vault, order, caller.actor, now)
    except RefusedError as error:
        raise refused(str(error), body) from error
    except Problem as problem:
        raise refused(problem.title, body) from problem
    told = said("The request to pay is taken over", sent.request_id, made, bill.reference)
    return answer(told, _ACCEPTED)


@router.post("/rtpResponse")
@router.post("/rtpUpdate")
def take_answer(
    request: Request, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Take what became of a request to pay: ``COM`` marks its bill as paid, once."""
    try:
        sent = read_saying(body)
        told = RequestAnswer(
            caller.organisation,
            caller.is_open,
            _named(request),
            sent.request_id,
            sent.rtp_id,
            sent.bill_id,
            sent.state,
            sent.reason,
            sent.payment_reference,
        )
        found = answer_request(session, told, caller.actor, now)
    except RefusedError as error:
        raise refused(str(error), body) from error
    except Problem as problem:
        raise refused(problem.title, body, status=_status_of(problem)) from problem
    bill = get_bill_by_id(session, found.bill_id)
    words = said("The answer is taken over", sent.request_id, found, bill.reference)
    return answer(words, _ACCEPTED)


def _status_of(problem: Problem) -> int:
    return 404 if problem.status == 404 else 400  # noqa: PLR2004 - not found, as in HTTP


@router.get("/transferRequests/{transfer_id}")
def look_up(transfer_id: str, caller: CallerDep, session: SessionDep) -> Response:
    """Tell how a request to pay stands, or a message that a bill was paid."""
    return _tell_transfer(session, caller, transfer_id, caller.correlation[:REQUEST_ID])


@router.post("/transferRequests/{transfer_id}")
def look_up_by_message(
    transfer_id: str, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Tell the same to a message with its own request id, and by callback where an address is."""
    try:
        request_id = request_id_in(body)
    except RefusedError as error:
        raise refused(str(error), body) from error
    told, status = _describe(session, caller, transfer_id, request_id)
    _call_back(session, caller, told, now)
    return answer(told, status)


def _tell_transfer(
    session: Session, caller: GovStackCaller, transfer_id: str, request_id: str
) -> Response:
    told, status = _describe(session, caller, transfer_id, request_id)
    return answer(told, status)


def _describe(
    session: Session, caller: GovStackCaller, transfer_id: str, request_id: str
) -> tuple[dict[str, object], int]:
    wanted = transfer_id.strip()
    if not wanted.isprintable() or not wanted or len(wanted) > _LONGEST:
        raise refused("transferRequestId is not one", request_id=request_id)
    found = find_request(session, caller.organisation, wanted, is_rehearsal=caller.is_open)
    if found is not None:
        return _of_request(session, found, request_id), _ACCEPTED
    transfer = find_transfer_told(session, caller.organisation, wanted, is_rehearsal=caller.is_open)
    if transfer is None:
        raise refused("The request is not known", request_id=request_id, status=404)
    return _of_transfer(transfer, request_id), _ACCEPTED


def _of_request(session: Session, found: PayRequest, request_id: str) -> dict[str, object]:
    bill = get_bill_by_id(session, found.bill_id)
    told = state_of(found, bill.reference)
    return {
        **request_words("The request is found", request_id or found.request_id),
        **{name: value for name, value in told.items() if name != "requestID"},
        "requestStatus": found.state,
        "lastUpdateDate": last_update(found.state_at),
    }


def _of_transfer(found: Transfer, request_id: str) -> dict[str, object]:
    told: dict[str, object] = {
        **request_words("The request is found", request_id or found.request_id),
        "billId": found.bill_reference,
        "requestStatus": "COM" if found.is_accepted else "RJC",
        "status": "ACK" if found.is_accepted else "RJC",
        "paymentReferenceID": found.payment_reference,
        "lastUpdateDate": last_update(found.received_at),
    }
    if found.reject_reason:
        told["rejectReason"] = found.reject_reason
    return told
