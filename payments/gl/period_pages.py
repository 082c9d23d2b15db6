"""The console's pages of months: what each holds, its proof, and its close by two people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.gl import periods
from payments.gl.presenting import (
    errors_of,
    kept_checks,
    list_errors,
    present_checks,
    present_period,
)
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared.errors import Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(RECONCILER, AUDITOR, ADMINISTRATOR))]
Closer = Annotated[Staff, Depends(require_role(RECONCILER))]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
_SIZE = 36
_DONE = {
    "asked": "The month is held and proved. Another person has to sign.",
    "closed": "The month is closed.",
    "reopened": "The month is open again.",
}


@router.get("/periods")
def show_periods(
    request: Request,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    page: PageNumber = 1,
) -> Response:
    """List the months of the ledger, newest first."""
    found = periods.list_periods(
        session, staff.organisation, limit=_SIZE + 1, skip=(page - 1) * _SIZE
    )
    return runtime.pages.render(
        request,
        "gl/periods.html",
        periods=[present_period(one) for one in found[:_SIZE]],
        page=page,
        has_more=len(found) > _SIZE,
    )


@router.get("/periods/{period_id}")
def show_period(
    request: Request,
    period_id: UUID,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show a month with what is, or was, proved of it."""
    return _show(request, runtime, session, staff, period_id, done=_DONE.get(done, ""))


@router.post("/periods/{period_id}/close")
def ask_to_close(
    request: Request,
    period_id: UUID,
    staff: Closer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Hold and prove a month; a refusal leaves it open."""
    try:
        with session.begin_nested():
            periods.ask_to_close(session, staff.organisation, period_id, staff.actor, now)
    except Problem as problem:
        return _show(request, runtime, session, staff, period_id, problem=problem)
    return RedirectResponse(f"/payments/periods/{period_id}?done=asked", 303)


@router.post("/periods/{period_id}/sign")
def sign_close(
    request: Request,
    period_id: UUID,
    staff: Closer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Close a month as the second person."""
    try:
        with session.begin_nested():
            periods.sign_close(session, staff.organisation, period_id, staff.actor, now)
    except Problem as problem:
        return _show(request, runtime, session, staff, period_id, problem=problem)
    return RedirectResponse(f"/payments/periods/{period_id}?done=closed", 303)


@router.post("/periods/{period_id}/reopen")
def reopen(
    request: Request,
    period_id: UUID,
    form: FormDep,
    staff: Closer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Open a month again that waits for its second person."""
    reason = form.text("reason")
    try:
        with session.begin_nested():
            periods.withdraw_close(session, staff.organisation, period_id, reason, staff.actor, now)
    except Problem as problem:
        return _show(request, runtime, session, staff, period_id, problem=problem)
    return RedirectResponse(f"/payments/periods/{period_id}?done=reopened", 303)


def _show(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    period_id: UUID,
    *,
    done: str = "",
    problem: Problem | None = None,
) -> Response:
    period = periods.get_period(session, staff.organisation, period_id)
    proved = period.state != "open"
    checks = (
        kept_checks(period) if proved else periods.prove_period(session, staff.organisation, period)
    )
    may = staff.has(RECONCILER)
    return runtime.pages.render(
        request,
        "gl/period.html",
        status=problem.status if problem else 200,
        error_list=list_errors(problem),
        errors=errors_of(problem),
        period=present_period(period),
        checks=present_checks(checks),
        may_ask=may and period.state == "open",
        may_sign=may and period.state == "closing" and period.asked_by_id != staff.person_id,
        may_reopen=may and period.state == "closing",
        done=done,
    )
