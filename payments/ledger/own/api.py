"""Entries of a body's own programs: PUT /payments/v1/ledger/accounts/{code}, POST …/entries."""

from datetime import date
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from payments.ledger.coalescing import CoalescingWriter
from payments.ledger.own.actions import open_own_account
from payments.ledger.own.rules import AccountType, draft_own
from payments.payees.api import Organisation
from shared.db import Database
from shared.web.deps import Caller, RuntimeDep, SessionDep, require_scope

router = APIRouter()

Writer = Annotated[Caller, Depends(require_scope("payments.ledger"))]
_MAXIMUM_PENCE = 10**15
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


class AccountBody(BaseModel):
    """What kind of account it is; a bounded one never passes below zero on its normal side."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    type: AccountType
    bounded: bool = False


class EntryBody(BaseModel):
    """One transfer between two accounts; ``event_id`` is the program's own, and posts once."""

    model_config = ConfigDict(extra="forbid")

    organisation: Organisation
    event_id: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    effective_on: date = Field(ge=_FIRST_DAY, le=_LAST_DAY)
    debit: str = Field(max_length=63)
    credit: str = Field(max_length=63)
    amount_pence: int = Field(strict=True, ge=1, le=_MAXIMUM_PENCE)


class EntryAnswer(BaseModel):
    """The entry of the event."""

    entry_id: str


@lru_cache(maxsize=4)
def _writer(database: Database) -> CoalescingWriter:
    """Return the one writer of this process, whose threads end with it."""
    return CoalescingWriter(database)


@router.put("/ledger/accounts/{code}", status_code=204)
def put_account(code: str, body: AccountBody, session: SessionDep, caller: Writer) -> None:
    """Open an account of the caller's body; the same again changes nothing."""
    caller.check_acts_for(body.organisation)
    open_own_account(
        session, body.organisation, code, body.type, caller.actor, bounded=body.bounded
    )


@router.post("/ledger/entries", status_code=201, response_model=EntryAnswer)
def post_entry(body: EntryBody, runtime: RuntimeDep, caller: Writer) -> JSONResponse:
    """Post one entry; many callers at once share a transaction, and each gets its own answer.

    The same event with the same content is answered again; with other content it is refused, and
    the answer names the first difference.
    """
    caller.check_acts_for(body.organisation)
    event_id = f"{caller.client_id}:{body.event_id}"
    draft = draft_own(event_id, body.effective_on, body.debit, body.credit, body.amount_pence)
    posted = _writer(runtime.database).post(body.organisation, draft)
    headers = {"Idempotent-Replayed": "true"} if posted.replay else {}
    return JSONResponse({"entry_id": str(posted.id)}, 201, headers)
