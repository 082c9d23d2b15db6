"""Bills for programs: issued, listed, looked at and cancelled under /payments/v1."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from payments.bills.actions.issue import cancel_bill, issue_bill
from payments.bills.queries import Bill, Sought, get_bill, list_bills, list_transfers
from payments.bills.rules import NewBill
from payments.payees.api import IdempotencyKey, Organisation
from shared import idempotency
from shared.errors import NotFound
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

Reads = Annotated[Caller, Depends(require_scope("payments.read"))]
Writes = Annotated[Caller, Depends(require_scope("payments.write"))]
Reference = Annotated[str, Path(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
_REPLAYED = {"Idempotent-Replayed": "true"}


class BillBody(BaseModel):
    """A bill to issue; pence are whole numbers, ``last_day`` is the due day where not given."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    programme: str = Field(max_length=63)
    reference: str = Field(max_length=40)
    payer_name: str = Field(max_length=300)
    amount_pence: int = Field(strict=True)
    description: str = Field(max_length=400)
    due_date: date
    last_day: date | None = None


class CancelBody(BaseModel):
    """Why a bill is cancelled."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    reason: str = Field(max_length=500)


class BillAnswer(BaseModel):
    """A bill as it stands; the payment's reference is the provider's, empty until it is paid."""

    reference: str
    programme: str
    payer_name: str
    amount_pence: int
    currency: str
    description: str
    due_date: date
    last_day: date
    state: Literal["open", "paid", "expired", "cancelled"]
    state_at: str
    created_at: str
    payment_reference: str = ""


class BillPage(BaseModel):
    """Some bills, the newest first, and how many there are."""

    total: int
    page: int
    results: list[BillAnswer]


@router.get("/bills")
def list_all(
    organisation: Organisation,
    session: SessionDep,
    caller: Reads,
    q: Annotated[str, Query(max_length=100, description="Words of reference and payer")] = "",
    state: Literal["", "open", "paid", "expired", "cancelled"] = "",
    programme: Annotated[str, Query(max_length=63)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 50,
) -> BillPage:
    """List a body's bills, the newest first; rehearsals of a sandbox are not among them."""
    caller.check_acts_for(organisation)
    found, total = list_bills(
        session,
        organisation,
        Sought(_readable(q), state, programme),
        offset=(page - 1) * size,
        limit=size,
        with_rehearsals=False,
    )
    return BillPage(total=total, page=page, results=[_answer(one) for one in found])


def _readable(words: str) -> str:
    """Return words without what the database cannot hold, so that they find nothing."""
    return words.replace("\x00", "\ufffd")


@router.get("/bills/{reference}")
def show(
    reference: Reference, organisation: Organisation, session: SessionDep, caller: Reads
) -> BillAnswer:
    """Tell how a bill stands."""
    caller.check_acts_for(organisation)
    bill = get_bill(session, organisation, reference)
    if bill.is_rehearsal:
        raise NotFound("no_such_bill", "There is no such bill")
    paid = [one.payment_reference for one in list_transfers(session, bill.id) if one.is_accepted]
    return _answer(bill, *paid)


@router.post("/bills", status_code=201, response_model=BillAnswer)
def issue(
    body: BillBody,
    idempotency_key: IdempotencyKey,
    runtime: RuntimeDep,
    now: NowDep,
    caller: Writes,
) -> JSONResponse:
    """Issue a bill, once per key."""
    caller.check_acts_for(body.organisation)
    scope = f"payments.bills:{caller.client_id}"
    digest = idempotency.request_hash(body.model_dump())
    new = NewBill(
        body.programme,
        body.reference,
        body.payer_name,
        body.amount_pence,
        body.description,
        body.due_date,
        body.last_day,
    )
    with runtime.database.transaction() as session:
        stored = idempotency.remember(session, scope, idempotency_key, digest)
        if stored is not None:
            return JSONResponse(stored.body, stored.status, _REPLAYED)
        bill = issue_bill(
            session, body.organisation, new, caller.actor, now, client_id=caller.client_id
        )
        answer = _answer(bill).model_dump(mode="json")
        idempotency.store(session, scope, idempotency_key, digest, status=201, body=answer)
    return JSONResponse(answer, 201)


@router.post("/bills/{reference}/cancel", response_model=BillAnswer)
def cancel(
    reference: Reference,
    body: CancelBody,
    idempotency_key: IdempotencyKey,
    session: SessionDep,
    now: NowDep,
    caller: Writes,
) -> JSONResponse:
    """Cancel an open bill that the same program issued, once per key."""
    caller.check_acts_for(body.organisation)
    scope = f"payments.bills.cancel:{caller.client_id}"
    digest = idempotency.request_hash({"bill": reference, **body.model_dump()})
    stored = idempotency.remember(session, scope, idempotency_key, digest)
    if stored is not None:
        return JSONResponse(stored.body, stored.status, _REPLAYED)
    cancel_bill(
        session,
        body.organisation,
        reference,
        body.reason,
        caller.actor,
        now,
        client_id=caller.client_id,
    )
    answer = _answer(get_bill(session, body.organisation, reference)).model_dump(mode="json")
    idempotency.store(session, scope, idempotency_key, digest, status=200, body=answer)
    return JSONResponse(answer)


def _answer(bill: Bill, payment_reference: str = "") -> BillAnswer:
    return BillAnswer(
        reference=bill.reference,
        programme=bill.programme,
        payer_name=bill.payer_name,
        amount_pence=bill.amount_pence,
        currency=bill.currency,
        description=bill.description,
        due_date=bill.due_on,
        last_day=bill.expires_on,
        state=bill.state,
        state_at=_instant(bill.state_at),
        created_at=_instant(bill.created_at),
        payment_reference=payment_reference,
    )


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
