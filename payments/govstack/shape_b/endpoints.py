"""Shape B's resources: the account mapper, batches of transactions, validation, funds, status."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from payments.govstack.actions.batches import take_batch
from payments.govstack.actions.beneficiaries import save_beneficiaries
from payments.govstack.actions.callbacks import plan_callback
from payments.govstack.deps import BodyDep, CallerDep, GovStackCaller, RefusalError, answer
from payments.govstack.queries import (
    StoredBatch,
    count_batch,
    find_batch,
    list_beneficiaries,
    list_instructions,
)
from payments.govstack.reports import pounds, totals_b
from payments.govstack.shape_a.rules import RefusedError
from payments.govstack.shape_b.rules import (
    list_at,
    read_authorisation,
    read_beneficiaries,
    read_lookup,
    read_transactions,
    request_id_of,
    text_at,
)
from payments.payees.deps import VaultDep
from payments.runs.queries.runs import get_run
from shared import audit
from shared.errors import Problem
from shared.ids import new_id, public_id
from shared.web.deps import NowDep, SessionDep

router = APIRouter()

_PAID_FROM = ("approved", "released", "submitted", "closed")
_LONGEST = 64
_SOURCES = ("X-Registering-Institution-ID", "Platform-TenantId", "X-Platform-TenantId")
Text = Annotated[str, Query(max_length=_LONGEST)]


def refused(words: str, body: object = None, status: int = 400) -> RefusalError:
    """Return the refusal of this shape."""
    message = {
        "responseCode": "01",
        "responseDescription": words[:200],
        "requestID": request_id_of(body),
    }
    return RefusalError(status, message)


def _source(request: Request) -> str:
    headers = request.headers
    given = next((found for one in _SOURCES if (found := headers.get(one, ""))), "")
    return given[:_LONGEST] or "unknown"


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


@router.post("/identityAccountMapper/beneficiary")
@router.put("/identityAccountMapper/beneficiary")
def save(
    request: Request,
    body: BodyDep,
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Register or update beneficiaries; an update of unknown ones is told as failed."""
    try:
        request_id, source, entries = read_beneficiaries(body)
    except RefusedError as error:
        raise refused(str(error), body) from error
    failed = []
    if request.method == "PUT":
        ids = [entry.functional_id for entry in entries]
        known = list_beneficiaries(session, caller.organisation, ids)
        failed = [entry for entry in entries if entry.functional_id not in known]
    good = [entry for entry in entries if entry not in failed]
    if good:
        save_beneficiaries(
            session,
            vault,
            caller.organisation,
            source or _source(request),
            request_id,
            good,
            caller.actor,
            now,
        )
    report = {
        "requestID": public_id()[:12],
        "registerRequestID": request_id,
        "numberFailedCases": len(failed),
        "failedCases": [
            {
                "payeeIdentity": entry.functional_id,
                "paymentModality": entry.modality,
                "bankingInstitutionCode": entry.institution,
                "failureReason": "The payee is not registered",
            }
            for entry in failed
        ],
    }
    _call_back(session, caller, report, now)
    message = {
        "responseCode": "00",
        "responseDescription": "The request is taken over",
        "requestID": request_id,
    }
    return answer(message)


def _tell_beneficiaries(
    session: Session, vault: VaultDep, caller: GovStackCaller, ids: list[str]
) -> list[dict[str, str]]:
    """Return the modalities of payees; looking at financial addresses is written down."""
    known = list_beneficiaries(session, caller.organisation, ids)
    if known:
        details = {"payees": len(known)}
        action = "payments.govstack.addresses_seen"
        audit.record(session, caller.actor, action, "body", caller.organisation, details)
    return [
        {
            "payeeIdentity": one.functional_id,
            "paymentModality": one.modality,
            "financialAddress": vault.open_text(one.address_sealed, one.record)
            if one.address_sealed is not None
            else "",
            "bankingInstitutionCode": one.institution,
        }
        for one in known.values()
        if one.is_active
    ]


@router.get("/beneficiary")
def look_up(
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    payee: Annotated[str, Query(alias="payeeIdentity", max_length=_LONGEST)] = "",
) -> Response:
    """Tell how a payee is paid."""
    if not payee.isprintable() or not payee:
        raise refused("payeeIdentity must be a text of up to 20 characters")
    found = _tell_beneficiaries(session, vault, caller, [payee])
    if not found:
        raise refused("The payee is not registered", status=404)
    return answer({"paymentModalityList": found})


@router.put("/beneficiary")
def look_up_many(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep
) -> Response:
    """Tell how several payees are paid; those that are not known are left out."""
    try:
        request_id = text_at(body, "requestId", 12)
        sent = list_at(body, "payeePartyIds")
        ids = [text_at({"payeePartyIds": one}, "payeePartyIds", 20) for one in sent[:1000]]
    except RefusedError as error:
        raise refused(str(error), body) from error
    found = _tell_beneficiaries(session, vault, caller, ids)
    return answer({"requestId": request_id, "paymentModalityList": found})


@router.post("/batchtransactions")
def take_transactions(
    request: Request,
    body: BodyDep,
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    kind: Annotated[str, Query(alias="type", max_length=_LONGEST)] = "",
) -> Response:
    """Take a batch over to be paid; the same correlation id again is the same batch."""
    try:
        if kind != "raw":
            raise RefusedError("type must be raw")  # noqa: TRY301 - one answer for all refusals
        request_id = caller.correlation[:_LONGEST] or public_id()
        batch = read_transactions(
            body, request_id, _source(request), str(new_id()), is_open=caller.is_open
        )
        stored, _ = take_batch(
            session,
            vault,
            caller.organisation,
            batch,
            caller.callback_url,
            caller.programme,
            caller.actor,
            now,
            correlation=caller.correlation,
        )
    except RefusedError as error:
        raise refused(str(error)) from error
    except Problem as problem:
        words = problem.fields[0].message if problem.fields else problem.title
        raise refused(words) from problem
    return answer({"batchId": stored.batch_id}, 202)


@router.post("/beneficiaries")
def validate(
    request: Request,
    body: BodyDep,
    caller: CallerDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    command: Text = "",
) -> Response:
    """Take accounts in to be validated; the result comes by callback."""
    try:
        if command != "validate":
            raise RefusedError("command must be validate")  # noqa: TRY301 - as above
        request_id = caller.correlation[:_LONGEST] or public_id()
        batch = read_lookup(body, request_id, _source(request), is_open=caller.is_open)
    except RefusedError as error:
        raise refused(str(error), body) from error
    take_batch(
        session,
        vault,
        caller.organisation,
        batch,
        caller.callback_url,
        "",
        caller.actor,
        now,
        correlation=caller.correlation,
    )
    return answer({"message": "Address validation is underway."}, 202)


@router.post("/batches/{batch_id}")
def authorise(
    batch_id: str, body: BodyDep, caller: CallerDep, session: SessionDep, now: NowDep
) -> Response:
    """Tell by callback whether a batch's money is approved: people approve it, not this call."""
    try:
        named, pence, currency = read_authorisation(body)
        if named != batch_id:
            raise RefusedError("batchID must be that of the address")  # noqa: TRY301 - as above
    except RefusedError as error:
        raise refused(str(error), body) from error
    batch = find_batch(session, caller.organisation, batch_id, kind="payment")
    reason = _why_not(session, batch, pence, currency)
    report: dict[str, object] = {
        "clientCorrelationId": caller.correlation,
        "status": "N" if reason else "Y",
        "reason": reason,
    }
    _call_back(session, caller, report, now)
    return answer({"message": "Authorization is in process."}, 202)


def _why_not(session: Session, batch: StoredBatch | None, pence: int, currency: str) -> str:
    if batch is None:
        return "The batch is not known"
    if currency != "GBP" or batch.is_rehearsal:
        return "Only pounds are paid"
    if pence != batch.total_pence:
        return "The amount is not that of the batch"
    if batch.run_id is None:
        return "The batch is not ready to be paid"
    run = get_run(session, batch.organisation, batch.run_id)
    return "" if run.state in _PAID_FROM else "The batch waits for approval"


def _find(session: Session, caller: GovStackCaller, batch_id: str) -> StoredBatch:
    found = find_batch(session, caller.organisation, batch_id) if batch_id else None
    if found is None:
        raise refused("The batch is not known", status=404)
    return found


@router.get("/api/v1/batch/detail")
def tell_detail(
    caller: CallerDep,
    session: SessionDep,
    batch_id: Annotated[str, Query(alias="batchId", max_length=_LONGEST)] = "",
    page: Annotated[int, Query(alias="pageNo", ge=0, le=100_000)] = 0,
    size: Annotated[int, Query(alias="pageSize", ge=1, le=1000)] = 100,
) -> Response:
    """Tell a page of a batch's transactions; pages count from 0."""
    batch = _find(session, caller, batch_id)
    lines = list_instructions(session, batch.id, offset=page * size, limit=size)
    return answer(
        [
            {
                "transactionId": one.instruction_id,
                "batchId": batch.batch_id,
                "status": _status(one.failure, one.payment_state),
                "statusDetail": one.failure or one.payment_state or batch.state,
                "payeePartyId": one.functional_id,
                "payeePartyIdType": "payeeIdentity" if one.functional_id else "",
                "amount": pounds(one.amount_pence),
                "currency": one.currency,
                "direction": "OUTGOING",
                "errorInformation": one.failure,
            }
            for one in lines
        ]
    )


def _status(failure: str, state: str | None) -> str:
    if failure or state in ("scheme_rejected", "returned", "rejected", "recalled", "cancelled"):
        return "FAILED"
    return "COMPLETED" if state == "paid" else "IN_PROGRESS"


@router.post("/api/v1/batch")
def tell_totals(
    caller: CallerDep,
    session: SessionDep,
    now: NowDep,
    batch_id: Annotated[str, Query(alias="batchId", max_length=_LONGEST)] = "",
) -> Response:
    """Tell how far a batch is."""
    batch = _find(session, caller, batch_id)
    totals = count_batch(session, batch.id)
    return answer(totals_b(batch, totals, now))
