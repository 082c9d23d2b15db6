"""Shape A's messages: beneficiaries, prepayment validation, bulk payment."""

from fastapi import APIRouter
from starlette.responses import Response

from payments.govstack.actions.batches import judge, take_batch
from payments.govstack.actions.beneficiaries import save_beneficiaries
from payments.govstack.actions.callbacks import plan_callback
from payments.govstack.deps import BodyDep, CallerDep, answer
from payments.govstack.queries import find_batch, list_failures, list_instructions
from payments.govstack.reports import validation_a
from payments.govstack.rules import UNREADABLE, Instruction
from payments.govstack.shape_a.rules import (
    RefusedError,
    echoed_id,
    read_batch,
    read_question,
    read_registration,
)
from payments.payees.deps import TablesDep, VaultDep
from payments.runs.actions.create import Desk
from shared.errors import Problem
from shared.web.deps import NowDep, SessionDep

router = APIRouter()


def _said(code: str, words: str, body: object, status: int = 200) -> Response:
    message = {
        "ResponseCode": code,
        "ResponseDescription": words[:200],
        "RequestID": echoed_id(body),
    }
    return answer(message, status)


@router.post("/register-beneficiary")
@router.post("/update-beneficiary-details")
def save(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Register beneficiaries or change what is known of them; all or none."""
    try:
        sent = read_registration(body)
    except RefusedError as error:
        return _said("01", str(error), body, 400)
    save_beneficiaries(
        session,
        vault,
        caller.organisation,
        sent.source,
        sent.request_id,
        sent.entries,
        caller.actor,
        now,
    )
    report = {"RequestID": sent.request_id, "NumberFailedCases": 0, "FailedCases": []}
    plan_callback(
        session,
        caller.organisation,
        caller.callback_url,
        report,
        now,
        correlation=caller.correlation,
    )
    return _said("00", "The beneficiaries are registered", body)


@router.post("/prepayment-validation")
def validate(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Take a batch in to be judged; its result is asked for, or told by a callback."""
    if body is UNREADABLE:
        return _said("01", "The body must be a JSON object", body, 400)
    try:
        batch = read_batch(body, "validation", is_open=caller.is_open)
    except RefusedError as error:
        return _said("01", str(error), body)
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
    return _said("00", "The batch is being validated", body)


@router.post("/prepayment-validation-response")
def tell_validation(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, tables: TablesDep
) -> Response:
    """Tell which instructions of a validated batch cannot be paid, and why."""
    try:
        request_id, batch_id = read_question(body)
    except RefusedError as error:
        return _said("01", str(error), body, 400)
    batch = find_batch(
        session, caller.organisation, batch_id, kind="validation", request_id=request_id
    )
    if batch is None:
        return _said("01", "No batch of these ids was validated", body, 400)
    if batch.state != "received":
        return answer(validation_a(batch, list_failures(session, batch.id)))
    # Asked before the worker came to it: judged here, and nothing is written.
    sent = [
        Instruction(one.instruction_id, one.functional_id, one.amount_pence, "", one.narration)
        for one in list_instructions(session, batch.id)
    ]
    judged = judge(session, Desk(vault, tables), caller.organisation, sent)
    failures = [
        (one.instruction_id, found)
        for one, found in zip(sent, judged, strict=True)
        if isinstance(found, str)
    ]
    return answer(validation_a(batch, failures))


@router.post("/bulk-payment")
@router.post("/credit-instructions")
def pay(
    body: BodyDep, caller: CallerDep, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Take a batch over to be paid: once for each request id, in a run that people approve."""
    try:
        batch = read_batch(body, "payment", is_open=caller.is_open)
        take_batch(
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
        return _said("01", str(error), body, 400)
    except Problem as problem:
        words = problem.fields[0].message if problem.fields else problem.title
        return _said("01", words, body, 400)
    return _said("00", "The batch is taken over", body)
