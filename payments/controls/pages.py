"""The administrator's pages of limits, bands and authorities; the auditor reads them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.actions.rules import Proposal, confirm_rule, propose_rule, refuse_rule
from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.deps import SignInDep, lead_to_step_up
from payments.controls.forms import keep, read_amount, read_date, read_id, read_number
from payments.controls.presenting import present_rules
from payments.controls.queries.people import list_people
from payments.controls.rules import Kind, Measure, SignIn
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR
from shared.errors import Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

PATH = "/payments/controls"
Administers = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
SeesControls = Annotated[Staff, Depends(require_role(ADMINISTRATOR, AUDITOR))]
_DONE = {
    "proposed": "The rule is proposed. Another administrator has to confirm it.",
    "confirmed": "The rule is confirmed and counts from now on.",
    "refused": "The proposal is refused.",
}


@router.get("/controls")
def show_controls(
    request: Request,
    staff: SeesControls,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show the rules that are live, what is proposed, and what was decided before."""
    return _render(request, runtime, session, staff, done=_DONE.get(done, ""))


@router.post("/controls/rules")
def propose(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Propose a limit, a band, an authority, or the end of one."""
    try:
        with session.begin_nested():
            _check_sign_in(session, staff, sign_in, now)
            propose_rule(session, _read(form, session, staff), staff.actor, now)
    except Problem as problem:
        return lead_to_step_up(problem, PATH) or _refuse(
            request, runtime, session, staff, problem, form
        )
    return RedirectResponse(f"{PATH}?done=proposed", 303)


@router.post("/controls/rules/{rule_id}/{decision}")
def decide(
    request: Request,
    rule_id: UUID,
    decision: str,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Confirm or refuse a proposal of another administrator."""
    is_confirmed = decision == "confirm"
    try:
        with session.begin_nested():
            _check_sign_in(session, staff, sign_in, now)
            (confirm_rule if is_confirmed else refuse_rule)(session, rule_id, staff.actor, now)
    except Problem as problem:
        return lead_to_step_up(problem, PATH) or _refuse(request, runtime, session, staff, problem)
    return RedirectResponse(f"{PATH}?done={'confirmed' if is_confirmed else 'refused'}", 303)


def _check_sign_in(session: Session, staff: Staff, sign_in: SignIn, now: datetime) -> None:
    if steps_up_everywhere(session, staff.organisation):
        check_step_up(sign_in, now)


def _refuse(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    problem: Problem,
    form: Form | None = None,
) -> Response:
    return _render(
        request,
        runtime,
        session,
        staff,
        problem=problem,
        kept=form.plain() if form is not None else {},
    )


def _render(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    *,
    done: str = "",
    problem: Problem | None = None,
    kept: dict[str, str] | None = None,
) -> Response:
    return runtime.pages.render(
        request,
        "controls/controls.html",
        problem=problem,
        **present_rules(session, staff),
        done=done,
        kept=keep(kept),
    )


def _read(form: Form, session: Session, staff: Staff) -> Proposal:
    kinds: dict[str, Kind] = {"limit": "limit", "band": "band", "authority": "authority"}
    measures: dict[str, Measure] = {
        "payment": "payment",
        "run": "run",
        "day": "day",
        "two_days": "two_days",
    }
    kind = kinds.get(form.text("kind"), "end")
    people = {one.person_id: one.name for one in list_people(session, staff.organisation)}
    person = form.text("person") if kind == "authority" else ""
    dates: dict[str, date | None] = {"valid_from": None, "valid_until": None}
    if kind == "authority":
        dates = {name: read_date(form, name) for name in dates}
    return Proposal(
        kind=kind,
        reason=form.text("reason"),
        pence=read_amount(form.text("amount")) if kind != "end" else None,
        measure=measures.get(form.text("measure")) if kind == "limit" else None,
        programme_id=read_id(form.text("programme")),
        rail=form.text("rail") or None,
        approvals=read_number(form.text("approvals")) if kind == "band" else None,
        step_up=kind == "band" and form.text("step_up") == "yes",
        person_id=person if person in people else None,
        person_name=people.get(person),
        valid_from=dates["valid_from"],
        valid_until=dates["valid_until"],
        replaces=read_id(form.text("replaces")),
    )
