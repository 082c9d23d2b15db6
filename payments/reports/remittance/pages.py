"""When payees are told what they were paid: one choice for each programme."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.reports.remittance.actions import choose
from payments.reports.remittance.queries import list_settings
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()

_PATH = "/payments/settings/remittance"


@router.get("/settings/remittance")
def show_settings(
    request: Request,
    staff: Annotated[Staff, Depends(require_role(ADMINISTRATOR, AUDITOR))],
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show for each programme whether and when its payees are told."""
    return runtime.pages.render(
        request,
        "reports/remittance.html",
        settings=list_settings(session, staff.organisation),
        may_change=staff.has(ADMINISTRATOR),
        done="The choice was kept." if done == "chosen" else "",
    )


@router.post("/settings/remittance")
def change_setting(
    form: FormDep,
    staff: Annotated[Staff, Depends(require_role(ADMINISTRATOR))],
    session: SessionDep,
    now: NowDep,
) -> Response:
    """Keep the choice for one programme."""
    choose(session, form.text("programme"), form.text("send_when"), staff.actor, now)
    return RedirectResponse(f"{_PATH}?done=chosen", 303)
