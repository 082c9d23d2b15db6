"""The console's pages of delegations, which everybody sees, and of emergency access."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.actions.people import note_seen
from payments.controls.deps import SignInDep, ask_again
from payments.controls.forms import keep, read_amount, read_date, read_id, read_number
from payments.controls.queries.people import list_people
from payments.controls.standing_in.actions import (
    EMERGENCY_ROLES,
    MOST_HOURS,
    Handover,
    decide_delegation,
    end_delegation,
    end_emergency_role,
    propose_delegation,
    take_emergency_role,
)
from payments.controls.standing_in.queries import (
    Delegation,
    Emergency,
    list_delegations,
    list_emergencies,
)
from payments.runs.access import Staff, require_role
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, ROLE_NAMES, SEES_RUNS
from shared.clock import london_date
from shared.errors import NotFound, Problem
from shared.money import format_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

DELEGATIONS = "/payments/controls/delegations"
EMERGENCY = "/payments/controls/emergency"
SeesDelegations = Annotated[Staff, Depends(require_role(*SEES_RUNS, ADMINISTRATOR))]
Approves = Annotated[Staff, Depends(require_role(APPROVER))]
Administers = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
SeesEmergencies = Annotated[Staff, Depends(require_role(ADMINISTRATOR, AUDITOR))]
_STATES = {
    "proposed": "Proposed",
    "live": "Confirmed",
    "refused": "Refused",
    "ended": "Ended",
}
_DONE = {
    "proposed": "The delegation is proposed. An administrator has to confirm it.",
    "confirmed": "The delegation is confirmed.",
    "refused": "The delegation is refused.",
    "ended": "The delegation has ended.",
    "begun": "You have the role until the time below. Auditors are told.",
    "given-back": "The role is given back.",
}


@router.get("/controls/delegations")
def show_delegations(
    request: Request,
    staff: SeesDelegations,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show who approves for whom, what is proposed, and what ended."""
    if not staff.under:
        note_seen(session, staff.actor, now)
    values = _delegations(session, staff, now)
    return runtime.pages.render(
        request, "controls/delegations.html", **values, done=_DONE.get(done, ""), kept=keep()
    )


@router.post("/controls/delegations")
def propose(
    request: Request,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Hand one's own approving authority to a colleague for some days."""
    if away := ask_again(session, staff.organisation, sign_in, now, DELEGATIONS):
        return away

    def step() -> None:
        wanted = Handover(
            form.text("to"),
            read_amount(form.text("amount")),
            read_id(form.text("programme")),
            read_date(form, "valid_from"),
            read_date(form, "valid_until"),
            form.text("reason"),
        )
        propose_delegation(session, wanted, staff.actor, now)

    return _step(_DELEGATED, request, runtime, session, staff, form, now, "proposed", step)


@router.post("/controls/delegations/{delegation_id}/end")
def end(
    request: Request,
    delegation_id: UUID,
    form: FormDep,
    staff: SeesDelegations,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """End a delegation before its last day."""

    def step() -> None:
        end_delegation(session, delegation_id, staff.actor, now)

    return _step(_DELEGATED, request, runtime, session, staff, form, now, "ended", step)


@router.post("/controls/delegations/{delegation_id}/{decision}")
def decide(
    request: Request,
    delegation_id: UUID,
    decision: str,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Confirm or refuse a delegation."""
    if decision not in ("confirm", "refuse"):
        raise NotFound("no_such_page", "There is no such page")
    if away := ask_again(session, staff.organisation, sign_in, now, DELEGATIONS):
        return away
    is_confirmed = decision == "confirm"

    def step() -> None:
        decide_delegation(session, delegation_id, staff.actor, now, is_confirmed=is_confirmed)

    done = "confirmed" if is_confirmed else "refused"
    return _step(_DELEGATED, request, runtime, session, staff, form, now, done, step)


@router.get("/controls/emergency")
def show_emergencies(
    request: Request,
    staff: SeesEmergencies,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show who took which role in an emergency, and why."""
    values = _emergencies(session, staff, now)
    return runtime.pages.render(
        request, "controls/emergency.html", **values, done=_DONE.get(done, ""), kept=keep()
    )


@router.post("/controls/emergency")
def begin(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Take a role for up to four hours."""
    if away := ask_again(session, staff.organisation, sign_in, now, EMERGENCY):
        return away

    def step() -> None:
        hours = read_number(form.text("hours"))
        reason = form.text("reason")
        take_emergency_role(session, form.text("role"), hours, reason, staff.actor, now)

    return _step(_EMERGENCIES, request, runtime, session, staff, form, now, "begun", step)


@router.post("/controls/emergency/{emergency_id}/end")
def give_back(
    request: Request,
    emergency_id: UUID,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Give a role back before its time."""

    def step() -> None:
        end_emergency_role(session, emergency_id, staff.actor, now)

    return _step(_EMERGENCIES, request, runtime, session, staff, form, now, "given-back", step)


@dataclass(frozen=True)
class _Page:
    """A page whose forms come back to it, and what it shows."""

    address: str
    template: str
    values: Callable[[Session, Staff, datetime], dict[str, Any]]


def _step(
    page: _Page,
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    form: Form,
    now: datetime,
    done: str,
    step: Callable[[], None],
) -> Response:
    """Do one step and come back to its page; a refusal is shown on it and changes nothing."""
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        values = page.values(session, staff, now)
        kept = keep(form.plain())
        return runtime.pages.render(
            request, page.template, problem=problem, **values, done="", kept=kept
        )
    return RedirectResponse(f"{page.address}?done={done}", 303)


def _delegations(session: Session, staff: Staff, now: datetime) -> dict[str, Any]:
    found = [_present(one, staff, now) for one in list_delegations(session, staff.organisation)]
    return {
        "open": [one for one in found if one["is_open"]],
        "past": [one for one in found if not one["is_open"]],
        "may_propose": staff.has(APPROVER) and not staff.under,
        "administers": staff.has(ADMINISTRATOR),
        "people": [
            {"value": one.person_id, "text": one.name or one.person_id}
            for one in list_people(session, staff.organisation)
            if one.person_id != staff.person_id and not {ADMINISTRATOR, AUDITOR} & set(one.roles)
        ],
        "programmes": [
            {"value": str(one.id), "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
    }


def _present(one: Delegation, staff: Staff, now: datetime) -> dict[str, Any]:
    today = london_date(now)
    is_over = one.state == "live" and one.valid_until < today
    is_mine = staff.person_id in (one.from_id, one.to_id)
    return {
        "id": str(one.id),
        "from": one.from_name,
        "to": one.to_name,
        "amount": format_pounds(one.pence),
        "programme": one.programme or "",
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "reason": one.reason,
        "state": one.state,
        "state_text": "Ended by itself" if is_over else _STATES[one.state],
        "is_open": one.state in ("proposed", "live") and not is_over,
        "proposed_at": one.proposed_at,
        "decided_by": one.decided_by_name or "",
        "decided_at": one.decided_at,
        "ended_by": one.ended_by_name or "",
        "ended_at": one.ended_at,
        "may_decide": one.state == "proposed" and staff.has(ADMINISTRATOR) and not is_mine,
        "may_end": is_mine or staff.has(ADMINISTRATOR),
    }


def _emergencies(session: Session, staff: Staff, now: datetime) -> dict[str, Any]:
    found = list_emergencies(session, staff.organisation)
    return {
        "emergencies": [present_emergency(one, now) for one in found],
        "administers": staff.has(ADMINISTRATOR),
        "roles": [{"value": role, "text": ROLE_NAMES[role]} for role in EMERGENCY_ROLES],
        "hours": [
            {"value": str(number), "text": str(number)} for number in range(1, MOST_HOURS + 1)
        ],
    }


def present_emergency(one: Emergency, now: datetime) -> dict[str, Any]:
    """Return a role that was taken in an emergency, for a page."""
    return {
        "id": str(one.id),
        "person": one.person_name,
        "role": ROLE_NAMES[one.role],
        "reason": one.reason,
        "begun_at": one.begun_at,
        "until_at": one.ended_at or one.until_at,
        "is_live": one.is_live(now),
    }


_DELEGATED = _Page(DELEGATIONS, "controls/delegations.html", _delegations)
_EMERGENCIES = _Page(EMERGENCY, "controls/emergency.html", _emergencies)
