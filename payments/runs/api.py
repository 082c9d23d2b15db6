"""Payments for programs: POST /payments/v1/payments and GET /payments/v1/payments/{id}."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from payments.payees.api import Organisation
from payments.payees.bank_details import AccountType
from payments.payees.deps import TablesDep, VaultDep
from payments.runs.actions.create import Desk, PayeeOrder, PaymentOrder, create_payment
from payments.runs.queries.payments import get_payment_for_client, list_payment_events
from payments.runs.rules import WORDS
from payments.runs.wording import tell_citizen
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

IdempotencyKey = Annotated[str, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")]
_CASE = r"^[A-Za-z0-9./-]{1,64}$"


class PayeeBody(BaseModel):
    """Who is paid."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    account_type: AccountType
    sort_code: str = Field(max_length=20)
    account_number: str = Field(max_length=20)
    roll_number: str = Field("", max_length=40)


class PaymentBody(BaseModel):
    """What shall be paid; pence are whole numbers."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    programme: str = Field(max_length=63)
    subject: str | None = Field(None, max_length=64)
    payee: PayeeBody
    check_id: UUID | None = None
    amount_pence: int = Field(strict=True)
    currency: str = "GBP"
    reference: str = Field(max_length=40)
    case_reference: str | None = Field(None, pattern=_CASE)
    replaces: str | None = Field(None, max_length=26)


class PaymentCreated(BaseModel):
    """The payment that was made, and the run that it joined."""

    payment_id: str
    state: str
    run_id: str


class TimelineLine(BaseModel):
    """Something that happened, in words for the payee."""

    at: str
    what: str


class PaymentAnswer(BaseModel):
    """How far a payment is; ``word`` is one of the three status words, or empty."""

    payment_id: str
    state: str
    word: str
    reason: str
    timeline: list[TimelineLine]


@router.post("/payments", status_code=201, response_model=PaymentCreated)
def make_payment(
    body: PaymentBody,
    idempotency_key: IdempotencyKey,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
    caller: Annotated[Caller, Depends(require_scope("payments.write"))],
) -> JSONResponse:
    """Take a payment into the day's run, once per key; a refusal stays with its key."""
    caller.check_acts_for(body.organisation)
    order = PaymentOrder(
        organisation=body.organisation,
        programme=body.programme,
        payee=PayeeOrder(**body.payee.model_dump()),
        amount_pence=body.amount_pence,
        currency=body.currency,
        reference=body.reference,
        case_reference=body.case_reference,
        subject=body.subject,
        check_id=body.check_id,
        replaces=body.replaces,
    )
    with runtime.database.transaction() as session:
        created = create_payment(
            session, Desk(vault, tables), order, idempotency_key, caller.actor, now
        )
    if created.refusal is not None:
        raise created.refusal
    headers = {"Idempotent-Replayed": "true"} if created.replayed else {}
    return JSONResponse(created.body(), 201, headers)


@router.get("/payments/{payment_id}")
def show_payment(
    payment_id: str,
    session: SessionDep,
    caller: Annotated[Caller, Depends(require_scope("payments.read"))],
) -> PaymentAnswer:
    """Tell how far a payment is that the same program made; every other is not found."""
    payment = get_payment_for_client(session, caller.client_id, payment_id)
    return PaymentAnswer(
        payment_id=payment.public_id,
        state=payment.state,
        word=WORDS.get(payment.state, ""),
        # That of a removal was written for colleagues.
        reason=payment.reason or "" if payment.state != "cancelled" else "",
        timeline=[
            TimelineLine(at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), what=what)
            for at, what in tell_citizen(list_payment_events(session, payment))
        ],
    )
