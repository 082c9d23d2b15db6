"""The page from which every report is reached."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payments.runs.access import Staff, require_role
from payments.runs.rules import AUDITOR, ENQUIRY, SEES_RUNS
from shared.web.deps import RuntimeDep

router = APIRouter()


@router.get("/reports")
def show_reports(
    request: Request,
    staff: Annotated[Staff, Depends(require_role(*SEES_RUNS))],
    runtime: RuntimeDep,
) -> Response:
    """List the reports that this person may see."""
    return runtime.pages.render(
        request,
        "reports/reports.html",
        is_auditor=staff.has(AUDITOR),
        may_take_pack=staff.roles != {ENQUIRY},
    )
