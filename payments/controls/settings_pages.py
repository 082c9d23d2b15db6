"""The administrator's settings of the body, and the journal of changes that the auditor reads."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi import Query as QueryParameter
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.actions.settings import (
    KINDS,
    PROGRAMME_RAILS,
    RELEASES,
    ProgrammeSettings,
    change_programme,
    open_programme,
    set_cut_off,
    set_step_up,
)
from payments.controls.forms import keep, read_number, read_time
from payments.controls.pages import Administers, SeesControls
from payments.controls.queries.days import list_cut_offs
from payments.controls.queries.journal import list_changes
from payments.controls.rules import RAILS
from payments.runs.access import Staff
from payments.runs.models import body
from payments.runs.queries.runs import find_body_name, list_programmes
from payments.runs.rules import ADMINISTRATOR
from shared.errors import Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

PATH = "/payments/settings"
_SIZE = 50
_DONE = {"saved": "The settings are saved.", "opened": "The programme is open."}


@router.get("/settings")
def show_settings(
    request: Request,
    staff: SeesControls,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show programmes, cut-off times and where a second factor is asked for."""
    return _render(request, runtime, session, staff, done=_DONE.get(done, ""))


@router.get("/settings/journal")
def show_journal(
    request: Request,
    staff: SeesControls,
    session: SessionDep,
    runtime: RuntimeDep,
    page: Annotated[int, QueryParameter(ge=1, le=1_000)] = 1,
) -> Response:
    """Show what administrators changed, the latest first."""
    changes, more = list_changes(session, staff.organisation, (page - 1) * _SIZE, _SIZE)
    return runtime.pages.render(
        request,
        "controls/journal.html",
        changes=[
            {
                "at": one.at,
                "who": one.who,
                "action": one.action.removeprefix("payments.").replace("_", " ").replace(".", " "),
                "lines": [f"{name}: {_tell(value)}" for name, value in one.details.items()],
            }
            for one in changes
        ],
        page=page,
        more=more,
    )


@router.post("/settings/programmes")
def open_one(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Open a programme."""

    def step() -> None:
        open_programme(session, form.text("slug"), _read(form), staff.actor, now)

    return _take_step(request, runtime, session, staff, form, "opened", step)


@router.post("/settings/programmes/{programme_id}")
def change_one(
    request: Request,
    programme_id: UUID,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Change a programme."""

    def step() -> None:
        change_programme(session, programme_id, _read(form), staff.actor, now)

    return _take_step(request, runtime, session, staff, form, "saved", step)


@router.post("/settings/cut-offs")
def change_cut_off(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Set until when input is possible on a rail."""

    def step() -> None:
        set_cut_off(session, form.text("rail"), read_time(form.text("at")), staff.actor, now)

    return _take_step(request, runtime, session, staff, form, "saved", step)


@router.post("/settings/step-up")
def change_step_up(
    request: Request,
    form: FormDep,
    staff: Administers,
    session: SessionDep,
    runtime: RuntimeDep,
) -> Response:
    """Say where a second factor is asked for."""
    mode: Literal["bands", "all"] = "all" if form.text("mode") == "all" else "bands"
    return _take_step(
        request,
        runtime,
        session,
        staff,
        form,
        "saved",
        lambda: set_step_up(session, mode, staff.actor),
    )


def _tell(value: object) -> str:
    if isinstance(value, dict) and set(value) == {"before", "after"}:
        return f"{value['before']} → {value['after']}"
    return str(value)


def _read(form: Form) -> ProgrammeSettings:
    return ProgrammeSettings(
        form.text("name"),
        form.text("kind"),
        form.text("release"),
        read_number(form.text("approvals_needed")) or 0,
        form.text("rail"),
        form.text("gl_code"),
        form.text("rail_reason").strip(),
    )


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    form: Form,
    done: str,
    step: Callable[[], None],
) -> Response:
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        return _render(request, runtime, session, staff, problem=problem, kept=form.plain())
    return RedirectResponse(f"{PATH}?done={done}", 303)


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
    step_up = session.execute(
        body.select()
        .with_only_columns(body.c.step_up)
        .where(body.c.organisation == staff.organisation)
    ).scalar_one_or_none()
    values: dict[str, Any] = {
        "body_name": find_body_name(session, staff.organisation) or staff.organisation,
        "programmes": list_programmes(session, staff.organisation),
        "cut_offs": [
            {"rail": rail, "name": RAILS[rail], "at": "" if at is None else f"{at:%H:%M}"}
            for rail, at in list_cut_offs(session, staff.organisation).items()
        ],
        "step_up": step_up or "bands",
        "administers": staff.has(ADMINISTRATOR),
        "kinds": _items(KINDS),
        "releases": _items(RELEASES),
        "rails": _items(PROGRAMME_RAILS),
    }
    return runtime.pages.render(
        request,
        "controls/settings.html",
        problem=problem,
        **values,
        done=done,
        kept=keep(kept),
    )


def _items(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"value": name, "text": text} for name, text in texts.items()]
