"""The calendar: processing days, holidays, closing days and runs of a month."""

from calendar import Calendar
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.bank.calendar import scottish_holiday, shift, why_closed
from payments.controls.actions.settings import close_on, open_on
from payments.controls.days import first_input_day
from payments.controls.forms import keep, read_date
from payments.controls.pages import Administers
from payments.controls.queries.days import list_closing_days, list_cut_offs, list_runs_between
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, SEES_RUNS
from payments.runs.wording import RUN_TEXTS
from shared.clock import london_date
from shared.errors import Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

PATH = "/payments/calendar"
SeesDays = Annotated[Staff, Depends(require_role(*SEES_RUNS, ADMINISTRATOR))]
_DONE = {"closed": "The closing day is set.", "opened": "The closing day is taken back."}


@router.get("/calendar")
def show_calendar(
    request: Request,
    staff: SeesDays,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    month: str = "",
    done: str = "",
) -> Response:
    """Show a month with what Bacs and the body do on each day, and the runs."""
    values = _values(session, staff, london_date(now), month)
    values["first_input"] = first_input_day(
        now,
        {one.day for one in list_closing_days(session, staff.organisation, london_date(now))},
        list_cut_offs(session, staff.organisation)["bacs"],
    )
    return runtime.pages.render(
        request, "controls/calendar.html", **values, done=_DONE.get(done, ""), error_list=[]
    )


@router.post("/calendar/closing-days")
def close_day(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Make a day one on which nothing is put in."""

    def step() -> None:
        close_on(session, read_date(form, "day"), form.text("reason"), staff.actor, now)

    return _take_step(request, runtime, session, staff, london_date(now), form, "closed", step)


@router.post("/calendar/closing-days/{closing_id}/remove")
def open_day(
    request: Request,
    closing_id: UUID,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take a closing day back."""

    def step() -> None:
        open_on(session, closing_id, staff.actor, now)

    return _take_step(request, runtime, session, staff, london_date(now), form, "opened", step)


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    today: date,
    form: Form,
    done: str,
    step: Callable[[], None],
) -> Response:
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        return runtime.pages.render(
            request,
            "controls/calendar.html",
            problem=problem,
            **{**_values(session, staff, today, ""), "kept": keep(form.plain())},
            done="",
        )
    return RedirectResponse(f"{PATH}?done={done}", 303)


def _values(session: Session, staff: Staff, today: date, month: str) -> dict[str, Any]:
    first = _read_month(month) or today.replace(day=1)
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    closings = {one.day: one for one in list_closing_days(session, staff.organisation, weeks[0][0])}
    days = [day for week in weeks for day in week]
    by_day: dict[date, list[dict[str, str]]] = {}
    # An administrator touches no payments, and sees none here.
    found = (
        list_runs_between(session, staff.organisation, days[0], days[-1])
        if staff.has(*SEES_RUNS)
        else []
    )
    for one in found:
        line = {
            "href": f"/payments/runs/{one.id}",
            "reference": one.reference,
            "programme": one.programme,
            "state": RUN_TEXTS[one.state],
            "what": "Processing day" if one.processing_date else "Wanted in the accounts",
        }
        by_day.setdefault(one.processing_date or one.entry_on or today, []).append(line)

    def present(day: date) -> dict[str, Any]:
        closed = why_closed(day)
        return {
            "date": day,
            "is_today": day == today,
            "in_month": day.month == first.month,
            "closed": "" if closed in (None, "Saturday", "Sunday") else closed,
            "is_weekend": closed in ("Saturday", "Sunday"),
            "is_processing": closed is None,
            "scottish": scottish_holiday(day) or "",
            "closing": closings[day].reason if day in closings else "",
            "entry_day": shift(day, 2) if closed is None else None,
            "runs": by_day.get(day, []),
        }

    return {
        "month": first,
        "weeks": [[present(day) for day in week] for week in weeks],
        "before": (first - timedelta(days=1)).strftime("%Y-%m"),
        "after": (first + timedelta(days=32)).strftime("%Y-%m"),
        "closings": [
            {
                "id": str(one.id),
                "day": one.day,
                "reason": one.reason,
                "set_by": one.set_by_name,
                "set_at": one.set_at,
            }
            for one in list_closing_days(session, staff.organisation, today)
        ],
        "administers": staff.has(ADMINISTRATOR),
        "kept": keep(),
    }


def _read_month(text: str) -> date | None:
    """Return the first day of a month like 2026-11 that the bank holidays are known for."""
    try:
        first = date.fromisoformat(f"{text}-01")
        why_closed(first - timedelta(days=7))
        why_closed(first + timedelta(days=45))
    except ValueError:
        return None
    return first
