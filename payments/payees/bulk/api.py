"""Name checks by the batch for programs: send, look how far it is, fetch the answers in pages."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from payments.payees.api import IdempotencyKey, Organisation
from payments.payees.bank_details import AccountType
from payments.payees.bulk.actions import begin_batch
from payments.payees.bulk.presenting import present_result
from payments.payees.bulk.queries import Batch, count_answers, get_batch, list_results
from payments.payees.bulk.rules import MAXIMUM_API_ROWS
from payments.payees.deps import VaultDep
from payments.payees.rules import outcome_of
from shared import audit, idempotency
from shared.errors import NotFound
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

Checks = Annotated[Caller, Depends(require_scope("payees.check"))]
_MAXIMUM_PAGE = 1_000


class BatchRow(BaseModel):
    """One name and account to ask about; ``reference`` is the program's own.

    The fields stand in the order of ``NameRow``.
    """

    model_config = ConfigDict(extra="forbid")

    account_type: AccountType
    name: str = Field(max_length=200)
    sort_code: str = Field("", max_length=20)
    account_number: str = Field("", max_length=20)
    roll_number: str = Field("", max_length=40)
    iban: str = Field("", max_length=50)
    reference: str = Field("", max_length=100)


class BatchBody(BaseModel):
    """Rows of one body; a row with faults is answered as such and stops no other."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    rows: list[BatchRow] = Field(min_length=1, max_length=MAXIMUM_API_ROWS)


class BatchCreated(BaseModel):
    """The batch that was taken."""

    batch_id: str
    rows: int


class AnswerCount(BaseModel):
    """How many rows came to one answer."""

    outcome: str
    reason_code: str | None
    rows: int


class BatchAnswer(BaseModel):
    """How far a batch is."""

    batch_id: str
    state: str
    rows: int
    answered: int
    counts: list[AnswerCount]


class RowAnswer(BaseModel):
    """What became of one row; ``outcome`` is null while it was not asked."""

    row: int
    reference: str
    outcome: str | None
    reason_code: str | None
    policy: str | None
    matched_name: str | None
    explanation: str
    check_id: str | None


class RowsAnswer(BaseModel):
    """A page of rows in their order."""

    page: int
    rows: int
    results: list[RowAnswer]


@router.post("/name-check-batches", status_code=202, response_model=BatchCreated)
def send_batch(
    body: BatchBody,
    idempotency_key: IdempotencyKey,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    caller: Checks,
) -> JSONResponse:
    """Take up to 10,000 names to check, once per key; refuses the same rows within 24 hours."""
    caller.check_acts_for(body.organisation)
    scope = f"name_batches:{body.organisation}:{caller.client_id}"
    digest = idempotency.request_hash(body.model_dump())
    with runtime.database.transaction() as session:
        stored = idempotency.remember(session, scope, idempotency_key, digest)
        if stored is not None:
            return JSONResponse(stored.body, stored.status, {"Idempotent-Replayed": "true"})
        rows = [list(row.model_dump().values()) for row in body.rows]
        sent = idempotency.request_hash(rows)
        batch_id = begin_batch(
            session, vault, body.organisation, "api", "", sent, rows, caller.actor, now
        )
        answer = {"batch_id": str(batch_id), "rows": len(rows)}
        idempotency.store(session, scope, idempotency_key, digest, status=202, body=answer)
    return JSONResponse(answer, 202)


@router.get("/name-check-batches/{batch_id}")
def show_batch(
    batch_id: UUID, organisation: Organisation, session: SessionDep, caller: Checks
) -> BatchAnswer:
    """Tell how far a batch is that the same program sent; every other is not found."""
    batch = _own(session, organisation, batch_id, caller)
    counts = count_answers(session, batch_id)
    return BatchAnswer(
        batch_id=str(batch_id),
        state=batch.state,
        rows=batch.rows,
        answered=sum(one.rows for one in counts),
        counts=[
            AnswerCount(outcome=one.outcome, reason_code=one.reason_code or None, rows=one.rows)
            for one in counts
        ],
    )


@router.get("/name-check-batches/{batch_id}/results")
def show_results(
    batch_id: UUID,
    organisation: Organisation,
    session: SessionDep,
    vault: VaultDep,
    caller: Checks,
    outcome: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    size: Annotated[int, Query(ge=1, le=_MAXIMUM_PAGE)] = 500,
) -> RowsAnswer:
    """Give a page of a batch's rows; what displays names of banks is recorded."""
    batch = _own(session, organisation, batch_id, caller)
    found = list_results(
        session, vault, batch_id, outcome=outcome, offset=(page - 1) * size, limit=size
    )
    shown = sum(one.matched_name is not None for one in found)
    if shown:
        audit.record(
            session,
            caller.actor,
            "payments.name_batch.names_shown",
            "name_batch",
            batch_id,
            {"organisation": organisation, "names": shown},
        )
    return RowsAnswer(
        page=page,
        rows=batch.rows,
        results=[
            RowAnswer(
                row=one.number,
                reference=one.row.reference,
                outcome=one.outcome,
                reason_code=one.reason_code,
                policy=outcome_of(one.reason_code).policy if one.state == "answered" else None,
                matched_name=one.matched_name,
                explanation=str(present_result(one)["explanation"]),
                check_id=str(one.check_id) if one.check_id else None,
            )
            for one in found
        ],
    )


def _own(session: Session, organisation: str, batch_id: UUID, caller: Caller) -> Batch:
    caller.check_acts_for(organisation)
    batch = get_batch(session, organisation, batch_id)
    if batch.created_by_id != caller.client_id:
        raise NotFound("no_such_batch", "There is no such file of name checks")
    return batch
