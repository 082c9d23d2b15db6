"""The pages of holds: what is held, for how long, by whom; placing and lifting them."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.actions.holds import HOLDERS, Level, Wanted, lift_hold, place_hold
from payments.controls.forms import keep, read_date, read_id
from payments.controls.queries.holds import HoldView, list_held, list_lifted, list_standing
from payments.runs.access import Staff, require_role
from payments.runs.pages import PageNumber, SeesRuns
from payments.runs.presenting import present_pages
from payments.runs.queries.runs import list_programmes
from payments.runs.queries.today import count_in_states
from shared.clock import london_date
from shared.errors import Problem
from shared.money import format_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

PATH = "/payments/holds"
_SIZE = 20
Holds = Annotated[Staff, Depends(require_role(*HOLDERS))]
_LEVELS: dict[str, Level] = {
    "body": "body",
    "programme": "programme",
    "run": "run",
    "payment": "payment",
}
_DONE = {"placed": "The hold stands.", "lifted": "The hold is lifted."}


@router.get("/holds")
def show_holds(
    request: Request,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show what people hold, and the payments that checks or people hold, the oldest first."""
    values = _values(session, staff, london_date(now), page)
    return runtime.pages.render(
        request,
        "controls/holds.html",
        **values,
        done=_DONE.get(done, ""),
        kept=keep(),
        error_list=[],
    )


@router.post("/holds")
def place(
    request: Request,
    form: FormDep,
    staff: Holds,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Hold a payment, a run, a programme or everything."""
    try:
        with session.begin_nested():
            place_hold(session, _read(form), staff.actor, now)
    except Problem as problem:
        return _refuse(request, runtime, session, staff, london_date(now), problem, form)
    level, back = form.text("level"), f"{PATH}?done=placed"
    if level == "payment":
        back = f"/payments/payments/{form.text('payment')}"
    elif level == "run":
        back = f"/payments/runs/{form.text('run')}"
    return RedirectResponse(back, 303)


@router.post("/holds/{hold_id}/lift")
def lift(
    request: Request,
    hold_id: UUID,
    form: FormDep,
    staff: Holds,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Lift a hold of a run, a programme or everything, with a reason."""
    try:
        with session.begin_nested():
            lift_hold(session, hold_id, form.text("reason"), staff.actor, now)
    except Problem as problem:
        return _refuse(request, runtime, session, staff, london_date(now), problem, form)
    return RedirectResponse(f"{PATH}?done=lifted", 303)


def _read(form: Form) -> Wanted:
    level = _LEVELS.get(form.text("level"), "programme")
    return Wanted(
        level,
        form.text("reason"),
        form.text("owner"),
        read_date(form, "review_on"),
        read_id(form.text("programme")) if level == "programme" else None,
        read_id(form.text("run")) if level == "run" else None,
        form.text("payment") if level == "payment" else None,
    )


def _refuse(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    today: date,
    problem: Problem,
    form: Form,
) -> Response:
    return runtime.pages.render(
        request,
        "controls/holds.html",
        problem=problem,
        **_values(session, staff, today, 1),
        done="",
        kept=keep(form.plain()),
    )


def _values(session: Session, staff: Staff, today: date, page: int) -> dict[str, Any]:
    held = count_in_states(session, staff.organisation, "held")
    found = list_held(session, staff.organisation, (page - 1) * _SIZE, _SIZE)
    return {
        "standing": [_present(one, today) for one in list_standing(session, staff.organisation)],
        "lifted": [_present(one, today) for one in list_lifted(session, staff.organisation)],
        "held_count": held.count,
        "held_total": format_pounds(held.total_pence),
        "held": [
            {
                "href": f"/payments/payments/{one.public_id}",
                "reference": one.reference,
                "name": one.payee_name,
                "amount": format_pounds(one.amount_pence),
                "reason": one.hold_reason,
                "run_href": f"/payments/runs/{one.run_id}",
                "run": one.run,
                "days": (today - london_date(one.state_at)).days,
            }
            for one in found
        ],
        "pages": present_pages(PATH, {}, page, held.count, _SIZE),
        "may_hold": staff.has(*HOLDERS),
        "programmes": [
            {"value": str(one.id), "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
    }


def _present(hold: HoldView, today: date) -> dict[str, Any]:
    hrefs = {
        "run": f"/payments/runs/{hold.run_id}",
        "payment": f"/payments/payments/{hold.payment_id}",
    }
    return {
        "id": str(hold.id),
        "level": hold.level,
        "subject": hold.subject,
        "href": hrefs.get(hold.level, ""),
        "reason": hold.reason,
        "owner": hold.owner,
        "review_on": hold.review_on,
        "is_due": hold.review_on <= today,
        "placed_by": hold.placed_by_name,
        "placed_at": hold.placed_at,
        "days": (today - london_date(hold.placed_at)).days,
        "lifted_by": hold.lifted_by_name or "",
        "lifted_at": hold.lifted_at,
        "lift_reason": hold.lift_reason or "",
    }
