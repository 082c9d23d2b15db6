"""Payees for programs: they read and propose; people confirm."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse

from payments.payees.actions import validate_details
from payments.payees.api import IdempotencyKey, Organisation
from payments.payees.bank_details import (
    AccountType,
    BankDetails,
    DetailsVault,
    account_fingerprint,
    mask_account_number,
)
from payments.payees.deps import TablesDep, VaultDep
from payments.payees.iban import read_details
from payments.payees.master.actions.propose import Proposal, propose
from payments.payees.master.queries import Payee, find_open, get_change, get_payee, list_payees
from payments.payees.master.rules import PayeeFacts
from shared import idempotency
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

Reads = Annotated[Caller, Depends(require_scope("payees.read"))]
Proposes = Annotated[Caller, Depends(require_scope("payees.propose"))]
_MAXIMUM_PAGE = 100


class PayeeProposal(BaseModel):
    """What a payee shall say; bank details as sort code and account number, or as an IBAN."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    name: str = Field(max_length=200)
    account_type: AccountType
    sort_code: str = Field("", max_length=20)
    account_number: str = Field("", max_length=20)
    roll_number: str = Field("", max_length=40)
    iban: str = Field("", max_length=50)
    reference: str = Field("", max_length=40)
    beneficiary: str = Field("", max_length=200)
    gl_code: str = Field("", max_length=80)
    email: str = Field("", max_length=300)
    notes: str = Field("", max_length=1100)
    reason: str = Field("", max_length=600)


class ChangeAnswer(BaseModel):
    """A proposal that waits for a person."""

    payee_id: str
    change_id: str
    state: str


class PayeeAnswer(BaseModel):
    """A payee as it stands; of the account only the last four digits are told."""

    payee_id: str
    reference: str
    state: str
    version: int
    name: str
    account_type: str
    beneficiary: str
    account: str
    gl_code: str
    stopped: bool
    details_changed_at: str | None
    cooling_off_until: str | None
    change_waiting: str | None = None


class PayeePage(BaseModel):
    """Some payees, and how many there are."""

    total: int
    page: int
    results: list[PayeeAnswer]


class AccountQuestion(BaseModel):
    """An account whose payee is looked for."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    sort_code: str = Field("", max_length=20)
    account_number: str = Field("", max_length=20)
    roll_number: str = Field("", max_length=40)
    iban: str = Field("", max_length=50)


@router.get("/payees")
def list_all(
    organisation: Organisation,
    session: SessionDep,
    caller: Reads,
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    size: Annotated[int, Query(ge=1, le=_MAXIMUM_PAGE)] = 50,
) -> PayeePage:
    """List a body's payees in order of their names; ``q`` finds words of name and reference."""
    caller.check_acts_for(organisation)
    found, total = list_payees(session, organisation, words=q, offset=(page - 1) * size, limit=size)
    return PayeePage(total=total, page=page, results=[_answer(one) for one in found])


@router.post("/payees/find")
def find_by_account(
    body: AccountQuestion, session: SessionDep, vault: VaultDep, caller: Reads
) -> PayeePage:
    """Find the payees of an account; a POST, so that no account stands in an address."""
    caller.check_acts_for(body.organisation)
    details = read_details(body.sort_code, body.account_number, body.roll_number, body.iban)
    key = account_fingerprint(vault, details)
    found, total = list_payees(session, body.organisation, fingerprint=key, limit=_MAXIMUM_PAGE)
    return PayeePage(total=total, page=1, results=[_answer(one) for one in found])


@router.get("/payees/{payee_id}")
def show(
    payee_id: UUID, organisation: Organisation, session: SessionDep, caller: Reads
) -> PayeeAnswer:
    """Tell how a payee stands, and which change of it waits."""
    caller.check_acts_for(organisation)
    found = get_payee(session, organisation, payee_id)
    waiting = find_open(session, payee_id)
    return _answer(found, str(waiting.id) if waiting else None)


def _answer(found: Payee, waiting: str | None = None) -> PayeeAnswer:
    return PayeeAnswer(
        payee_id=str(found.id),
        reference=found.reference,
        state=found.state,
        version=found.version,
        name=found.name,
        account_type=found.account_type,
        beneficiary=found.beneficiary,
        account=mask_account_number(found.account_tail),
        gl_code=found.gl_code,
        stopped=found.is_stopped,
        details_changed_at=found.details_changed_at.isoformat()
        if found.details_changed_at
        else None,
        cooling_off_until=found.cooling_until.isoformat() if found.cooling_until else None,
        change_waiting=waiting,
    )


@router.post("/payees", status_code=202, response_model=ChangeAnswer)
def propose_payee(
    body: PayeeProposal,
    idempotency_key: IdempotencyKey,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
    caller: Proposes,
) -> JSONResponse:
    """Propose a payee, once per key; its name is checked and a person confirms it."""
    caller.check_acts_for(body.organisation)
    details, _ = validate_details(
        tables, body.sort_code, body.account_number, body.roll_number, body.iban
    )
    with runtime.database.transaction() as session:
        return _propose_once(session, vault, body, details, None, idempotency_key, caller, now)


@router.post("/payees/{payee_id}/changes", status_code=202, response_model=ChangeAnswer)
def propose_change_of(
    payee_id: UUID,
    body: PayeeProposal,
    idempotency_key: IdempotencyKey,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
    caller: Proposes,
) -> JSONResponse:
    """Propose what a payee shall say from now on, once per key; a person confirms it."""
    caller.check_acts_for(body.organisation)
    details, _ = validate_details(
        tables, body.sort_code, body.account_number, body.roll_number, body.iban
    )
    with runtime.database.transaction() as session:
        return _propose_once(session, vault, body, details, payee_id, idempotency_key, caller, now)


def _propose_once(
    session: Session,
    vault: DetailsVault,
    body: PayeeProposal,
    details: BankDetails,
    payee_id: UUID | None,
    key: str,
    caller: Caller,
    now: datetime,
) -> JSONResponse:
    """Propose under a key; a refusal is not kept, because the fault may be mended elsewhere."""
    scope = f"payees.propose:{body.organisation}:{payee_id or 'new'}:{caller.client_id}"
    digest = idempotency.request_hash(body.model_dump())
    stored = idempotency.remember(session, scope, key, digest)
    if stored is not None:
        return JSONResponse(stored.body, stored.status, {"Idempotent-Replayed": "true"})
    facts = PayeeFacts(
        name=" ".join(body.name.split()),
        account_type=body.account_type,
        details=details,
        reference=body.reference.strip(),
        beneficiary=" ".join(body.beneficiary.split()),
        gl_code=body.gl_code.strip(),
        email=body.email.strip(),
        notes=body.notes,
    )
    wanted = Proposal(body.organisation, facts, "api", body.reason, payee_id)
    change_id = propose(session, vault, wanted, caller.actor, now)
    change = get_change(session, body.organisation, change_id)
    answer = {
        "payee_id": str(change.payee_id),
        "change_id": str(change_id),
        "state": change.state,
    }
    idempotency.store(session, scope, key, digest, status=202, body=answer)
    return JSONResponse(answer, 202)
