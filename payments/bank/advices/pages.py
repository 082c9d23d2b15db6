"""The console's pages of the bank's reports, with the queue of those that could not be applied."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.advices.queries import KeptReport, get_report, get_sealed, list_reports
from payments.bank.intake import open_report, take_again
from payments.bank.reports import load_names
from payments.payees.deps import VaultDep, settings_of
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import APPROVER, AUDITOR, RECONCILER, SEES_RUNS, UPLOADER
from shared import audit
from shared.errors import Problem
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 50
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
# A report holds whole bank details, so not everybody who sees that there is one may open it.
SEES_FILES = (UPLOADER, APPROVER, RECONCILER, AUDITOR)
FileReader = Annotated[Staff, Depends(require_role(*SEES_FILES))]
RETRIES = (UPLOADER, APPROVER, RECONCILER)
Retrier = Annotated[Staff, Depends(require_role(*RETRIES))]
_KINDS = {
    "input_report": "Input report",
    "arucs": "Returned credits (ARUCS)",
    "awacs": "Amended details (AWACS)",
    "pain.002": "Payment status (pain.002)",
}
_DONE = {"applied": "The report was applied.", "still": "The report could still not be applied."}


@router.get("/bank/reports")
def show_reports(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    which: Literal["waiting", "all"] = "waiting",
    page: PageNumber = 1,
) -> Response:
    """Show the bank's reports, first those that wait for a person."""
    found, total = list_reports(
        session,
        staff.organisation,
        waiting=which == "waiting",
        skip=(page - 1) * SIZE,
        limit=SIZE,
    )
    return runtime.pages.render(
        request,
        "bank/reports.html",
        reports=[_present(one) for one in found],
        total=total,
        which=which,
        pages=present_pages("/payments/bank/reports", {"which": which}, page, total, SIZE),
    )


@router.get("/bank/reports/{report_id}")
def show_report(
    request: Request,
    report_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show what is known of one report."""
    return runtime.pages.render(
        request,
        "bank/report.html",
        **_page(get_report(session, staff.organisation, report_id), staff),
        done=_DONE.get(done, ""),
    )


@router.post("/bank/reports/{report_id}/file")
def download(report_id: UUID, staff: FileReader, session: SessionDep, vault: VaultDep) -> Response:
    """Return a report byte for byte; each download is an audit line."""
    name, sealed = get_sealed(session, staff.organisation, report_id)
    content = open_report(vault, name, sealed)
    audit.record(session, staff.actor, "bank.report.downloaded", "bank_report", name)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80]
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{plain}"'},
    )


@router.post("/bank/reports/{report_id}/again")
def again(
    request: Request,
    report_id: UUID,
    staff: Retrier,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Try once more to apply a report, after what stood against it was put right."""
    names = load_names(settings_of(request).bank_report_names_file)
    try:
        with session.begin_nested():
            done = take_again(
                session, vault, staff.organisation, report_id, staff.actor, now, names
            )
    except Problem as problem:
        return runtime.pages.render(
            request,
            "bank/report.html",
            problem=problem,
            **_page(get_report(session, staff.organisation, report_id), staff),
            done="",
        )
    outcome = "applied" if done else "still"
    return RedirectResponse(f"/payments/bank/reports/{report_id}?done={outcome}", 303)


def _page(report: KeptReport, staff: Staff) -> dict[str, Any]:
    return {
        "report": _present(report),
        "sees_file": staff.has(*SEES_FILES),
        "may_retry": staff.has(*RETRIES) and report.state == "unread",
    }


def _present(report: KeptReport) -> dict[str, object]:
    return {
        "href": f"/payments/bank/reports/{report.id}",
        "name": report.bank_report_id,
        "kind": _KINDS.get(report.kind, report.kind),
        "problem": report.problem,
        "at": report.received_at,
        "sha256": report.sha256,
        "serial": report.serial or "",
        "submission_href": f"/payments/submissions/{report.submission_id}"
        if report.submission_id
        else "",
    }
