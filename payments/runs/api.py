"""Payments for programs: ordered, listed, looked at and cancelled under /payments/v1."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from payments.payees.api import Organisation
from payments.payees.bank_details import AccountType
from payments.payees.deps import TablesDep, VaultDep
from payments.runs.actions.cancel import cancel_payment
from payments.runs.actions.create import Desk, PayeeOrder, PaymentOrder, create_payment
from payments.runs.queries.payments import (
    Sought,
    get_payment_for_client,
    list_of_client,
    list_payment_events,
)
from payments.runs.queries.runs import get_run_for_client
from payments.runs.queries.totals import get_totals
from payments.runs.rules import WORDS
from payments.runs.wording import tell_citizen
from shared import idempotency
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
    gl_code: str = Field("", max_length=60)
    invoice_reference: str = Field("", max_length=100)
    invoice_received_date: date | None = None
    payee_id: UUID | None = None


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


class PaymentLine(BaseModel):
    """A payment in a list; amounts are whole pence."""

    payment_id: str
    run_id: str
    state: str
    word: str
    payee_name: str
    account_tail: str
    amount_pence: int
    currency: str
    reference: str
    case_reference: str | None
    invoice_reference: str
    created_at: str


class PaymentList(BaseModel):
    """A page of payments, the newest first; ``next`` is what ``after`` is for the next page."""

    payments: list[PaymentLine]
    next: str | None


class RunState(BaseModel):
    """How many payments of a run are in a state, and how much they are together."""

    state: str
    payments: int
    total_pence: int


class RunAnswer(BaseModel):
    """How far a run is, in all."""

    run_id: str
    reference: str
    programme: str
    state: str
    run_date: date
    processing_date: date | None
    states: list[RunState]


class CancelBody(BaseModel):
    """Why a payment is cancelled."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=500)


@router.get("/payments")
def list_payments(
    organisation: Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")],
    session: SessionDep,
    caller: Annotated[Caller, Depends(require_scope("payments.read"))],
    state: Annotated[str, Query(max_length=30)] = "",
    reference: Annotated[str, Query(max_length=40)] = "",
    case_reference: Annotated[str, Query(max_length=64)] = "",
    run_id: UUID | None = None,
    after: Annotated[str, Query(max_length=26)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> PaymentList:
    """List the payments that the same program made for a body, the newest first."""
    caller.check_acts_for(organisation)
    sought = Sought(state, reference, case_reference, run_id, after)
    found, more = list_of_client(session, organisation, caller.client_id, sought, limit)
    return PaymentList(
        payments=[
            PaymentLine(
                payment_id=one.public_id,
                run_id=str(one.run_id),
                state=one.state,
                word=WORDS.get(one.state, ""),
                payee_name=one.payee_name,
                account_tail=one.account_tail,
                amount_pence=one.amount_pence,
                currency=one.currency,
                reference=one.reference,
                case_reference=one.case_reference,
                invoice_reference=one.invoice_reference,
                created_at=_instant(one.created_at),
            )
            for one in found
        ],
        next=found[-1].public_id if more else None,
    )


@router.get("/runs/{run_id}")
def show_run(
    run_id: UUID,
    session: SessionDep,
    caller: Annotated[Caller, Depends(require_scope("payments.read"))],
) -> RunAnswer:
    """Tell how far a run is that holds a payment of the same program."""
    run = get_run_for_client(session, caller.client_id, run_id)
    totals = get_totals(session, run.id)
    return RunAnswer(
        run_id=str(run.id),
        reference=run.reference,
        programme=run.programme.slug,
        state=run.state,
        run_date=run.run_date,
        processing_date=run.processing_date,
        states=[
            RunState(state=name, payments=one.count, total_pence=one.total_pence)
            for name, one in sorted(totals.items())
        ],
    )


@router.post("/payments/{payment_id}/cancel")
def cancel(
    payment_id: str,
    body: CancelBody,
    idempotency_key: IdempotencyKey,
    session: SessionDep,
    now: NowDep,
    caller: Annotated[Caller, Depends(require_scope("payments.write"))],
) -> JSONResponse:
    """Cancel a payment of the same program that nobody put forward, once per key."""
    scope = f"payments.cancel:{caller.client_id}"
    digest = idempotency.request_hash({"payment_id": payment_id, **body.model_dump()})
    stored = idempotency.remember(session, scope, idempotency_key, digest)
    if stored is not None:
        return JSONResponse(stored.body, 200, {"Idempotent-Replayed": "true"})
    payment = cancel_payment(session, caller.client_id, payment_id, body.reason, caller.actor, now)
    answer = {"payment_id": payment.public_id, "state": payment.state}
    idempotency.store(session, scope, idempotency_key, digest, status=200, body=answer)
    return JSONResponse(answer)


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
        gl_code=body.gl_code,
        invoice_reference=body.invoice_reference,
        invoice_received_on=body.invoice_received_date,
        payee_id=body.payee_id,
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
            TimelineLine(at=_instant(at), what=what)
            for at, what in tell_citizen(list_payment_events(session, payment))
        ],
    )


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
