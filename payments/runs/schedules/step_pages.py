"""The steps of a schedule's page: pause, resume, end, leave a day out, change, confirm."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.forms import keep, read_date
from payments.payees.deps import VaultDep
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, APPROVER, UPLOADER
from payments.runs.schedules.actions.life import end, pause, resume, skip
from payments.runs.schedules.actions.make import make_missed
from payments.runs.schedules.actions.set_up import decide_change, propose_change
from payments.runs.schedules.lines import Line, read_lines, write_lines
from payments.runs.schedules.presenting import PATH, present_schedule
from payments.runs.schedules.queries import Schedule, find_version, get_schedule, list_planned
from shared.clock import london_date
from shared.errors import NotFound, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Makes = Annotated[Staff, Depends(require_role(UPLOADER))]
Stops = Annotated[Staff, Depends(require_role(UPLOADER, ADMINISTRATOR))]
Checks = Annotated[Staff, Depends(require_role(UPLOADER, APPROVER))]


@router.post("/schedules/{schedule_id}/pause")
def pause_one(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Stops,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Make no more runs until somebody resumes."""

    def step() -> None:
        pause(session, schedule_id, form.text("reason"), staff.actor, now)

    return _take_step(request, runtime, session, staff, schedule_id, form, now, "paused", step)


@router.post("/schedules/{schedule_id}/resume")
def resume_one(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Stops,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Make runs again."""

    def step() -> None:
        resume(session, schedule_id, staff.actor, now)

    return _take_step(request, runtime, session, staff, schedule_id, form, now, "resumed", step)


@router.post("/schedules/{schedule_id}/end")
def end_one(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Stops,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """End a schedule for good."""

    def step() -> None:
        end(session, schedule_id, form.text("reason"), staff.actor, now)

    return _take_step(request, runtime, session, staff, schedule_id, form, now, "ended", step)


@router.post("/schedules/{schedule_id}/skip")
def skip_day(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Leave one day out."""

    def step() -> None:
        skip(session, schedule_id, _read_day(form), form.text("reason"), staff.actor, now)

    return _take_step(request, runtime, session, staff, schedule_id, form, now, "skipped", step)


@router.post("/schedules/{schedule_id}/make-missed")
def make_day(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Make the run of a missed day after all."""

    def step() -> None:
        day, reason = _read_day(form), form.text("reason")
        make_missed(session, vault, schedule_id, day, reason, staff.actor, now)

    return _take_step(request, runtime, session, staff, schedule_id, form, now, "made", step)


@router.get("/schedules/{schedule_id}/change")
def show_change(
    request: Request,
    schedule_id: UUID,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Show what a schedule pays, to be changed."""
    found = get_schedule(session, staff.organisation, schedule_id)
    day = found.next_on or london_date(now)
    version = find_version(session, found.id, day)
    planned = list_planned(session, version.id) if version is not None else []
    lines = [Line(one.payee_reference, one.amount_pence, one.reference) for one in planned]
    kept = keep({"payments": write_lines(lines), **_split(found.next_on)})
    return runtime.pages.render(
        request, "schedules/change.html", schedule=_present(found), kept=kept
    )


@router.post("/schedules/{schedule_id}/change")
def change(
    request: Request,
    schedule_id: UUID,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Propose that a schedule pays something else from a day on."""
    found = get_schedule(session, staff.organisation, schedule_id)
    try:
        with session.begin_nested():
            lines = read_lines(form.values.get("payments", [""])[0])
            day = read_date(form, "from_on")
            propose_change(session, found.id, lines, day, form.text("reason"), staff.actor, now)
    except Problem as problem:
        return runtime.pages.render(
            request,
            "schedules/change.html",
            problem=problem,
            schedule=_present(found),
            kept=keep(form.plain()),
        )
    return RedirectResponse(f"{PATH}/{schedule_id}?done=proposed", 303)


@router.post("/schedules/{schedule_id}/versions/{version_id}/{decision}")
def decide(
    request: Request,
    schedule_id: UUID,
    version_id: UUID,
    decision: str,
    form: FormDep,
    staff: Checks,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Confirm or refuse a proposed change of another person."""
    if decision not in ("confirm", "refuse"):
        raise NotFound("no_such_page", "There is no such page")
    is_confirmed = decision == "confirm"

    def step() -> None:
        decide_change(session, schedule_id, version_id, staff.actor, now, is_confirmed=is_confirmed)

    done = "confirmed" if is_confirmed else "refused"
    return _take_step(request, runtime, session, staff, schedule_id, form, now, done, step)


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    schedule_id: UUID,
    form: Form,
    now: datetime,
    done: str,
    step: Callable[[], None],
) -> Response:
    """Do one step and come back to the schedule; a refusal is shown on it and changes nothing."""
    found = get_schedule(session, staff.organisation, schedule_id)
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        values = present_schedule(session, staff, found, now)
        return runtime.pages.render(
            request,
            "schedules/schedule.html",
            problem=problem,
            **values,
            done="",
            kept=keep(form.plain()),
        )
    return RedirectResponse(f"{PATH}/{schedule_id}?done={done}", 303)


def _read_day(form: Form) -> date | None:
    try:
        return date.fromisoformat(form.text("day"))
    except ValueError:
        return None


def _present(found: Schedule) -> dict[str, str]:
    return {
        "href": f"{PATH}/{found.id}",
        "reference": found.reference,
        "name": found.name,
    }


def _split(day: date | None) -> dict[str, str]:
    if day is None:
        return {}
    return {
        "from_on-day": str(day.day),
        "from_on-month": str(day.month),
        "from_on-year": str(day.year),
    }
