"""Confirmation of Payee for programs: POST /payments/v1/confirmation-of-payee."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from payments.payees.actions import Checker, CheckRequest, check_name
from payments.payees.asking_once import ask_once
from payments.payees.bank_details import AccountType
from payments.payees.confirmation.explain import explain
from payments.payees.deps import CheckerDep
from payments.payees.rules import POLICY_VERSION
from shared.web.deps import Caller, require_scope

router = APIRouter()

Organisation = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
IdempotencyKey = Annotated[str, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")]
OptionalKey = Annotated[str | None, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")]


class CheckBody(BaseModel):
    """The question; the bank details as the person typed them."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    account_type: AccountType
    name: str = Field(max_length=200)
    sort_code: str = Field("", max_length=20)
    account_number: str = Field("", max_length=20)
    roll_number: str = Field("", max_length=40)
    iban: str = Field("", max_length=50)


class ModulusBody(BaseModel):
    """What the modulus check said."""

    result: str
    explanation: str


class StepBody(BaseModel):
    """One thing that was compared or decided."""

    what: str
    finding: str


class CheckAnswer(BaseModel):
    """The answer and how it was come to; ``matched_name`` only where its code allows it."""

    check_id: str
    outcome: str
    reason_code: str | None
    matched_name: str | None
    explanation: str
    modulus: ModulusBody
    policy: str
    policy_version: str
    steps: list[StepBody]


@router.post("/name-checks")
@router.post("/confirmation-of-payee")
def check_payee_name(
    body: CheckBody,
    response: Response,
    checker: CheckerDep,
    caller: Annotated[Caller, Depends(require_scope("payees.check"))],
    idempotency_key: OptionalKey = None,
) -> CheckAnswer:
    """Check whether a name belongs to an account; refuses malformed and impossible details.

    With an ``Idempotency-Key`` the same question within 24 hours gets the first answer, and no bank
    is asked again. Refuses with 429 when the program has tried many names for the account today.
    """
    caller.check_acts_for(body.organisation)
    request = CheckRequest(
        body.organisation,
        body.account_type,
        body.name,
        body.sort_code,
        body.account_number,
        body.roll_number,
        body.iban,
    )
    if idempotency_key is None:
        return _check(checker, request, caller)

    def ask() -> str:
        return _check(checker, request, caller).model_dump_json()

    answer, is_replay = ask_once(checker, request, idempotency_key, caller.actor, ask)
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return CheckAnswer.model_validate_json(answer)


def _check(checker: Checker, request: CheckRequest, caller: Caller) -> CheckAnswer:
    result = check_name(checker, request, caller.actor)
    return CheckAnswer(
        check_id=str(result.check_id),
        outcome=result.outcome.group,
        reason_code=result.reason_code,
        matched_name=result.matched_name,
        explanation=result.outcome.explanation,
        modulus=ModulusBody(result=result.modulus.result, explanation=result.modulus.explanation),
        policy=result.outcome.policy,
        policy_version=POLICY_VERSION,
        steps=[
            StepBody(what=step.what, finding=step.finding)
            for step in explain(result, request.name, request.account_type)
        ],
    )
