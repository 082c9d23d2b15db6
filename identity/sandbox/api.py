"""The sandbox by API: personas, orders for the next flows, time that passes, one-time codes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from identity.accounts.rules import normalise_email
from identity.accounts.settings import PeopleSettings
from identity.oidc import flows
from identity.relying_parties.queries import get_client
from identity.relying_parties.rules import RelyingParty
from identity.sandbox import actions
from identity.sandbox.codes import newest_code
from identity.sandbox.faults import FAULTS
from identity.sandbox.personas import PERSONAS
from identity.sandbox.queries import Plan, list_plans
from identity.signin.access import PeopleSettingsDep, VaultDep
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

SCOPE = "identity.sandbox"
router = APIRouter(prefix="/sandbox", tags=["Sandbox"])
_CallerDep = Annotated[Caller, Depends(require_scope(SCOPE))]


class PersonaOut(BaseModel):
    """A fictitious person."""

    id: str
    title: str
    hint: str
    name: str


class FaultOut(BaseModel):
    """A mistake that can be ordered."""

    id: str
    what: str


class OrderIn(BaseModel):
    """What the next flows of a client are to be like."""

    model_config = ConfigDict(extra="forbid")

    persona: str | None = Field(None, description="Id of a persona; none: the page asks")
    faults: list[str] = Field(default=[], max_length=20)
    flows: int = Field(1, ge=1, le=1000, description="For how many of the next flows")
    state: str | None = Field(
        None, max_length=4096, description="Only for the flow with this `state`"
    )


class OrderOut(BaseModel):
    """An order that is not used up."""

    id: UUID
    persona: str | None
    faults: list[str]
    flows_left: int
    for_one_state: bool


class CodeOut(BaseModel):
    """A one-time code as the email carries it."""

    code: str


def _check_offered(settings: PeopleSettings) -> None:
    if not settings.offers_sandbox:
        raise NotFound("no_sandbox", "There is no sandbox here")


def _own(
    session: SessionDep, caller: Caller, client_id: str, settings: PeopleSettings
) -> RelyingParty:
    """Return a sandbox client of the caller's own organisation; a live one is never touched."""
    _check_offered(settings)
    party, own = get_client(session, client_id), get_client(session, caller.client_id)
    if party is None or own is None or own.organisation != party.organisation:
        raise NotFound("client_unknown", "Your organisation has no such client")
    if party.options.environment != "sandbox":
        raise Forbidden("client_is_live", "Fictitious people and faults are for sandbox clients")
    return party


def _out(plan: Plan) -> OrderOut:
    return OrderOut(
        id=plan.id,
        persona=plan.persona,
        faults=list(plan.faults),
        flows_left=plan.uses_left,
        for_one_state=plan.for_one,
    )


@router.get("/personas")
def list_personas(_caller: _CallerDep, settings: PeopleSettingsDep) -> list[PersonaOut]:
    """List the fictitious people."""
    _check_offered(settings)
    return [
        PersonaOut(id=one.id, title=one.title, hint=one.hint, name=one.name)
        for one in PERSONAS.values()
    ]


@router.get("/faults")
def list_faults(_caller: _CallerDep, settings: PeopleSettingsDep) -> list[FaultOut]:
    """List the mistakes that can be ordered."""
    _check_offered(settings)
    return [FaultOut(id=name, what=what) for name, what in FAULTS.items()]


@router.get("/clients/{client_id}/orders")
def list_orders(
    client_id: str,
    caller: _CallerDep,
    session: SessionDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> list[OrderOut]:
    """List what a client ordered and did not use up."""
    party = _own(session, caller, client_id, settings)
    return [_out(plan) for plan in list_plans(session, party.client_id, now)]


@router.post("/clients/{client_id}/orders", status_code=201)
def add_order(
    client_id: str,
    body: OrderIn,
    caller: _CallerDep,
    session: SessionDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> OrderOut:
    """Order a persona and faults for the next flows, or for the flow of one ``state``."""
    party = _own(session, caller, client_id, settings)
    faults = [
        FieldError(name, f"{value} is not known")
        for name, value, known in (
            *([("persona", body.persona, PERSONAS)] if body.persona is not None else []),
            *(("faults", fault, FAULTS) for fault in body.faults),
        )
        if value not in known
    ]
    if faults:
        raise Invalid(*faults)
    plan = actions.order(
        session,
        party.client_id,
        caller.actor,
        persona=body.persona,
        faults=tuple(body.faults),
        uses=1 if body.state is not None else body.flows,
        state=body.state,
        now=now,
    )
    return _out(plan)


@router.delete("/clients/{client_id}/orders", status_code=204)
def delete_orders(
    client_id: str, caller: _CallerDep, session: SessionDep, settings: PeopleSettingsDep
) -> None:
    """Forget everything that a client ordered."""
    actions.forget_orders(session, _own(session, caller, client_id, settings).client_id)


@router.post("/flows/{flow_id}/finish-check", status_code=204)
def finish_check(
    flow_id: UUID,
    caller: _CallerDep,
    session: SessionDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> None:
    """Let the time of a slow check pass, or end its review; the person's page goes on then."""
    flow = flows.get_flow(session, flow_id, now)
    _own(session, caller, flow.client_id, settings)
    actions.end_wait(session, flow, now)


@router.get("/codes")
def read_code(
    email: str,
    _caller: _CallerDep,
    session: SessionDep,
    vault: VaultDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> CodeOut:
    """Return the newest one-time code for an address of the reserved domain; not in production.

    Addresses below ``sandbox.example`` are nobody's, so nobody's account can be opened with it.
    """
    if settings.environment == "production":
        raise NotFound("no_sandbox", "One-time codes cannot be read here")
    code = newest_code(session, vault, normalise_email(email), now)
    if code is None:
        raise NotFound("code_unknown", "No code waits for this address")
    return CodeOut(code=code)
