"""The console's pages of runs: today, the list, one run and the steps of its life."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.actions.people import note_seen
from payments.controls.deps import SignInDep, lead_to_step_up
from payments.controls.forms import read_date
from payments.controls.standing_in.pages import present_emergency
from payments.controls.standing_in.queries import list_recent_emergencies
from payments.payees.deps import VaultDep
from payments.reports.today.presenting import present_picture
from payments.runs.access import BODY_COOKIE, Staff, StaffDep, memberships, require_role
from payments.runs.actions.approve import approve, put_forward, reject, release
from payments.runs.actions.recall import recall_payments, recall_run
from payments.runs.actions.schedule import set_entry_day
from payments.runs.presenting import Values, present_pages, present_today
from payments.runs.presenting_run import Wanted, present_run
from payments.runs.queries.runs import list_bodies, list_programmes, list_runs
from payments.runs.rules import AUDITOR, CONFIRMATION_OF_PAYEE, ROLE_NAMES, SEES_RUNS
from payments.runs.wording import RUN_COLOURS, RUN_TEXTS
from shared.clock import london_date
from shared.errors import FieldError, Invalid, Problem
from shared.money import format_pounds
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.login import SignedIn
from shared.web.runtime import Runtime

router = APIRouter()

SIZE = 20
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
SeesRuns = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
_DONE = {
    "put-forward": "The run was put forward for approval.",
    "approved": "You approved the run.",
    "rejected": "You sent the run back to be corrected.",
    "released": "The run was released to the bank.",
    "recalled": "The run was recalled. Its payments will not be made.",
    "payment-recalled": "The payment was recalled. It will not be made.",
    "payments-recalled": "The payments were recalled. They will not be made.",
    "day-set": "The day of payment is set.",
    "edited": "The payment was corrected. Its run needs approval of what it says now.",
    "removed": "The payment was removed from the run.",
    "hold-released": "The hold was released. Somebody else has to approve the run.",
}


def done_text(done: str) -> str:
    """Return the sentence that confirms what a person has just done, empty for nothing known."""
    return _DONE.get(done, "")


@router.get("/")
def show_today(
    request: Request, staff: StaffDep, session: SessionDep, runtime: RuntimeDep, now: NowDep
) -> Response:
    """Show the day's picture; people who only check names go to their form."""
    if staff.roles == {CONFIRMATION_OF_PAYEE}:
        return RedirectResponse("/payments/confirmation-of-payee", 303)
    if not staff.under:
        note_seen(session, staff.actor, now)
    emergencies = (
        list_recent_emergencies(session, staff.organisation, now) if staff.has(AUDITOR) else []
    )
    values = present_today(session, staff.organisation, london_date(now))
    names = dict(list_bodies(session, [staff.organisation]))
    return runtime.pages.render(
        request,
        "runs/today.html",
        **values,
        **present_picture(session, staff, now),
        body_name=names.get(staff.organisation, staff.organisation),
        emergencies=[present_emergency(one, now) for one in emergencies],
        under=staff.under,
        roles=[name for role, name in ROLE_NAMES.items() if role in staff.roles],
        several=len(staff.organisations) > 1,
    )


@router.get("/runs")
def show_runs(
    request: Request,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    state: str = "",
    programme: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the body's runs, newest first."""
    runs, total = list_runs(
        session,
        staff.organisation,
        state=state,
        programme_slug=programme,
        offset=(page - 1) * SIZE,
        limit=SIZE,
    )
    lines = [
        {
            "href": f"/payments/runs/{run.id}",
            "reference": run.reference,
            "programme": run.programme,
            "date": run.run_date,
            "state_text": RUN_TEXTS[run.state],
            "colour": RUN_COLOURS.get(run.state, ""),
            "count": run.count,
            "total": format_pounds(run.total_pence),
            "held": run.held,
            "returned": run.returned,
        }
        for run in runs
    ]
    query: Values = {"state": state, "programme": programme}
    return runtime.pages.render(
        request,
        "runs/runs.html",
        runs=lines,
        total=total,
        pages=present_pages("/payments/runs", query, page, total, SIZE),
        states=[{"value": name, "text": text} for name, text in RUN_TEXTS.items()],
        programmes=[
            {"value": one.slug, "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        **query,
    )


@router.get("/runs/{run_id}")
def show_run(
    request: Request,
    run_id: UUID,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
    state: str = "",
    q: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show one run: payments, totals, checks, who did what, and the steps for this person."""
    values = present_run(session, staff, run_id, now, Wanted(state, q.strip()[:100], page))
    return runtime.pages.render(request, "runs/run.html", **values, done=done_text(done))


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    run_id: UUID,
    done: str,
    now: datetime,
    step: Callable[[], None],
) -> Response:
    """Do one step and come back to the run; a refusal is shown on it and changes nothing."""
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        away = lead_to_step_up(problem, f"/payments/runs/{run_id}")
        values = present_run(session, staff, run_id, now)
        return away or runtime.pages.render(
            request, "runs/run.html", problem=problem, **values, done=""
        )
    return RedirectResponse(f"/payments/runs/{run_id}?done={done}", 303)


@router.post("/runs/{run_id}/put-forward")
def put_run_forward(
    request: Request,
    run_id: UUID,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Ask for approval of a run."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        run_id,
        "put-forward",
        now,
        lambda: put_forward(session, vault, run_id, staff.actor, now),
    )


@router.post("/runs/{run_id}/approve")
def approve_run(
    request: Request,
    run_id: UUID,
    form: FormDep,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Approve exactly the content that the person's page showed."""

    def step() -> None:
        content = _read_hash(form.text("content"))
        approve(session, run_id, content, staff.actor, now, sign_in)

    return _take_step(request, runtime, session, staff, run_id, "approved", now, step)


@router.post("/runs/{run_id}/reject")
def reject_run(
    request: Request,
    run_id: UUID,
    form: FormDep,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Send a run back with a reason."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        run_id,
        "rejected",
        now,
        lambda: reject(session, run_id, form.text("reason"), staff.actor, now),
    )


@router.post("/runs/{run_id}/release")
def release_run(
    request: Request,
    run_id: UUID,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Hand an approved run over to the bank."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        run_id,
        "released",
        now,
        lambda: release(session, run_id, staff.actor, now, sign_in),
    )


@router.post("/runs/{run_id}/recall")
def recall_one(
    request: Request,
    run_id: UUID,
    form: FormDep,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take an approved run back before it goes to the bank."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        run_id,
        "recalled",
        now,
        lambda: recall_run(session, run_id, form.text("recall_reason"), staff.actor, now),
    )


@router.post("/runs/{run_id}/recall-payments")
def recall_some(
    request: Request,
    run_id: UUID,
    form: FormDep,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take some payments of a run back before its file is sent."""

    def step() -> None:
        wanted = form.text("payments").split()
        reason = form.text("recall_reason")
        recall_payments(session, run_id, wanted, reason, staff.actor, now)

    return _take_step(request, runtime, session, staff, run_id, "payments-recalled", now, step)


@router.post("/runs/{run_id}/entry-day")
def change_entry_day(
    request: Request,
    run_id: UUID,
    form: FormDep,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Say on which day the money shall be in the accounts."""

    def step() -> None:
        set_entry_day(session, run_id, read_date(form, "entry_on"), staff.actor, now)

    return _take_step(request, runtime, session, staff, run_id, "day-set", now, step)


@router.get("/choose-body")
def show_bodies(
    request: Request,
    web_session: SignedIn,
    session: SessionDep,
    runtime: RuntimeDep,
    return_to: str = "/payments/",
) -> Response:
    """Ask for which of their bodies a person works now."""
    own = memberships(web_session)
    names = dict(list_bodies(session, list(own)))
    bodies = [{"value": slug, "text": names.get(slug, slug)} for slug in sorted(own)]
    return runtime.pages.render(
        request, "runs/choose_body.html", bodies=bodies, return_to=_own_path(return_to)
    )


@router.post("/choose-body")
def choose_body(
    request: Request,
    form: FormDep,
    web_session: SignedIn,
    session: SessionDep,
    runtime: RuntimeDep,
) -> Response:
    """Keep the choice in a cookie; it is checked against the claim on every page."""
    own = memberships(web_session)
    chosen = form.text("body")
    if chosen not in own:
        names = dict(list_bodies(session, list(own)))
        message = "Select the organisation you work for now"
        return runtime.pages.render(
            request,
            "runs/choose_body.html",
            status=422,
            bodies=[{"value": slug, "text": names.get(slug, slug)} for slug in sorted(own)],
            return_to=_own_path(form.text("return_to")),
            errors={"body": message},
            error_list=[{"field": "body", "message": message}],
        )
    response = RedirectResponse(_own_path(form.text("return_to")), 303)
    response.set_cookie(
        BODY_COOKIE,
        chosen,
        path="/payments",
        httponly=True,
        samesite="lax",
        secure=runtime.settings.secure_cookies,
    )
    return response


def _own_path(path: str) -> str:
    """Return a path within the console, its start for anything else."""
    return path if path.startswith("/payments/") and "\\" not in path else "/payments/"


def _read_hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Invalid(FieldError("", "The page was incomplete; load it again")) from error
