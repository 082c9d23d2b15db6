"""The console's pages of schedules: the list, one schedule, and setting one up with a preview."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.forms import keep, read_date, read_number
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import ADMINISTRATOR, SEES_RUNS, UPLOADER
from payments.runs.schedules.actions.set_up import NewSchedule, check_schedule, set_up_schedule
from payments.runs.schedules.lines import Line, read_lines
from payments.runs.schedules.presenting import (
    COLOURS,
    NEXT_DAYS,
    PATH,
    Values,
    present_schedule,
    present_upcoming,
)
from payments.runs.schedules.queries import get_schedule, list_schedules, make_terms
from payments.runs.schedules.rules import FREQUENCIES, STATES, list_upcoming
from shared.errors import FieldError, Invalid, Problem
from shared.money import format_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 20
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
SeesSchedules = Annotated[Staff, Depends(require_role(*SEES_RUNS, ADMINISTRATOR))]
Makes = Annotated[Staff, Depends(require_role(UPLOADER))]
_DONE = {
    "set-up": "The schedule is set up. Its runs are made ahead of their days.",
    "paused": "The schedule is paused. It makes no runs.",
    "resumed": "The schedule makes runs again.",
    "ended": "The schedule has ended.",
    "skipped": "The day is left out.",
    "made": "The run of that day is made. Put it forward.",
    "proposed": "The change is proposed. Another person has to confirm it.",
    "confirmed": "The change is confirmed.",
    "refused": "The change is refused.",
}


def done_text(done: str) -> str:
    """Return the sentence that confirms what a person has just done, empty for nothing known."""
    return _DONE.get(done, "")


@router.get("/schedules")
def show_schedules(
    request: Request,
    staff: SeesSchedules,
    session: SessionDep,
    runtime: RuntimeDep,
    q: str = "",
    state: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the body's schedules, newest first."""
    words = q.strip()[:100]
    wanted = state if state in STATES else ""
    found, total = list_schedules(
        session,
        staff.organisation,
        words=words,
        state=wanted,
        offset=(page - 1) * SIZE,
        limit=SIZE,
    )
    query: Values = {"q": words, "state": wanted}
    return runtime.pages.render(
        request,
        "schedules/schedules.html",
        schedules=[
            {
                "href": f"{PATH}/{one.id}",
                "reference": one.reference,
                "name": one.name,
                "programme": one.programme,
                "rhythm": FREQUENCIES[one.frequency],
                "state_text": STATES[one.state],
                "colour": COLOURS[one.state],
                "next_on": one.next_on,
            }
            for one in found
        ],
        total=total,
        pages=present_pages(PATH, query, page, total, SIZE),
        states=[{"value": name, "text": text} for name, text in STATES.items()],
        may_make=staff.has(UPLOADER),
        **query,
    )


@router.get("/schedules/new")
def show_new(request: Request, staff: Makes, session: SessionDep, runtime: RuntimeDep) -> Response:
    """Show the empty form of a schedule."""
    return runtime.pages.render(
        request,
        "schedules/new.html",
        **_form_values(session, staff, keep({"days_ahead": "3"})),
        upcoming=None,
    )


@router.post("/schedules/new")
def set_up(
    request: Request,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Show the next days of what was typed, or set it up; nothing is saved by the preview."""
    values = _form_values(session, staff, keep(form.plain()))
    try:
        with session.begin_nested():
            wanted, fault = _read(form)
            upcoming = _preview(session, staff, wanted, now)
            if fault is not None:
                raise fault
            if form.text("step") == "save":
                made = set_up_schedule(session, wanted, staff.actor, now)
                return RedirectResponse(f"{PATH}/{made}?done=set-up", 303)
    except Problem as problem:
        return runtime.pages.render(
            request, "schedules/new.html", problem=problem, **values, upcoming=None
        )
    total = sum(line.amount_pence for line in wanted.lines)
    return runtime.pages.render(
        request,
        "schedules/new.html",
        **values,
        upcoming=upcoming,
        count=len(wanted.lines),
        sum=format_pounds(total),
    )


@router.get("/schedules/{schedule_id}")
def show_schedule(
    request: Request,
    schedule_id: UUID,
    staff: SeesSchedules,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show one schedule: its days, what it pays, what was done about it and by whom."""
    found = get_schedule(session, staff.organisation, schedule_id)
    values = present_schedule(session, staff, found, now, page)
    return runtime.pages.render(
        request, "schedules/schedule.html", **values, done=done_text(done), kept=keep()
    )


def _preview(session: Session, staff: Staff, wanted: NewSchedule, now: datetime) -> list[Values]:
    programme, rhythm = check_schedule(session, staff.organisation, wanted, now)
    terms = make_terms(session, programme, rhythm, wanted.days_ahead or 1)
    return present_upcoming(list_upcoming(rhythm, terms, rhythm.starts_on, (), NEXT_DAYS))


def _read(form: Form) -> tuple[NewSchedule, Problem | None]:
    """Return what was typed, and what is wrong with its payments."""
    faults: list[FieldError] = []
    days: dict[str, date | None] = {}
    for name in ("starts_on", "ends_on"):
        try:
            days[name] = read_date(form, name)
        except Invalid as invalid:
            faults += invalid.fields
    if form.text("most") and read_number(form.text("most")) is None:
        faults.append(FieldError("most", "Enter how many times, from 1 to 520"))
    if faults:
        raise Invalid(*faults)
    lines: list[Line] = []
    fault: Problem | None = None
    try:
        lines = read_lines(form.values.get("payments", [""])[0])
    except Invalid as invalid:
        fault = invalid
    return NewSchedule(
        form.text("programme"),
        form.text("name"),
        form.text("frequency"),
        read_number(form.text("month_day")),
        days["starts_on"],
        days["ends_on"],
        read_number(form.text("most")) if form.text("most") else None,
        read_number(form.text("days_ahead")),
        lines,
    ), fault


def _form_values(session: Session, staff: Staff, kept: dict[str, str]) -> Values:
    return {
        "kept": kept,
        "programmes": [
            {"value": one.slug, "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        "frequencies": [{"value": name, "text": text} for name, text in FREQUENCIES.items()],
    }
