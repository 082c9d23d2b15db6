"""The console's pages of auditors' packs: ask for one, watch it being made, take it away."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response, StreamingResponse

from payments.reports.auditor.actions import ask_pack, note_download
from payments.reports.auditor.queries import (
    PackView,
    check_there,
    get_pack,
    list_packs,
    read_bytes,
)
from payments.reports.auditor.rules import KEPT_FOR, pack_name
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import ADMINISTRATOR, AUDITOR, SEES_RUNS
from shared.clock import london_date
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate
from shared.web.runtime import Runtime

router = APIRouter()

Taker = Annotated[Staff, Depends(require_role(AUDITOR, ADMINISTRATOR))]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
HOME = "/payments/reports/auditor-pack"
_SIZE = 20
STEP_TEXTS = {
    "": "It waits for its turn",
    "ledger": "The ledger is being written",
    "proofs": "Proofs are being drawn",
    "tables": "The tables are being written",
    "audit": "The audit log is being written",
    "check": "The verifier looks at it",
    "store": "It is being stored",
}


@router.get("/reports/auditor-pack")
def show_packs(
    request: Request,
    staff: Taker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    page: PageNumber = 1,
) -> Response:
    """List a body's packs, and ask for the days of a new one."""
    last = london_date(now).replace(day=1)
    values = {"from": last.isoformat(), "to": london_date(now).isoformat()}
    return _list(request, runtime, session, staff, page, values)


@router.post("/reports/auditor-pack")
def ask_for_pack(
    request: Request,
    form: FormDep,
    staff: Taker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Have a pack made in the background."""
    try:
        first, last = _read_days(form)
        with session.begin_nested():
            pack_id = ask_pack(session, staff.organisation, first, last, staff.actor, now)
    except Problem as problem:
        values = {"from": form.text("from"), "to": form.text("to")}
        return _list(request, runtime, session, staff, 1, values, problem)
    return RedirectResponse(f"{HOME}/{pack_id}", 303)


@router.get("/reports/auditor-pack/{pack_id}")
def show_pack(
    request: Request,
    pack_id: UUID,
    staff: Taker,
    session: SessionDep,
    runtime: RuntimeDep,
    refresh: str = "",
) -> Response:
    """Show how far a pack is, or its hashes and the file."""
    pack = get_pack(session, staff.organisation, pack_id)
    return runtime.pages.render(
        request,
        "reports/auditor_pack.html",
        pack=_present(pack),
        may_see_reports=staff.has(*SEES_RUNS),
        refresh=pack.state == "waiting" and refresh != "off",
    )


@router.get("/reports/auditor-pack/{pack_id}/file")
def download_pack(
    pack_id: UUID, staff: Taker, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Stream a pack, the same bytes each time; noted in the audit with its hash."""
    pack = get_pack(session, staff.organisation, pack_id)
    check_there(pack)
    note_download(session, pack, staff.actor)
    name = pack_name(pack.body, pack.first_day, pack.last_day)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(pack.bytes),
    }
    content = read_bytes(runtime.database, runtime.sealer, pack)
    return StreamingResponse(content, 200, headers, "application/zip")


def _list(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    page: int,
    values: dict[str, str],
    problem: Problem | None = None,
) -> Response:
    found, total = list_packs(session, staff.organisation, limit=_SIZE, skip=(page - 1) * _SIZE)
    return runtime.pages.render(
        request,
        "reports/auditor_packs.html",
        problem=problem,
        packs=[_present(one) for one in found],
        pages=present_pages(HOME, {}, page, total, _SIZE),
        given=values,
        may_see_reports=staff.has(*SEES_RUNS),
    )


def _read_days(form: Form) -> tuple[date, date]:
    faults, days = [], []
    for name in ("from", "to"):
        try:
            days.append(date.fromisoformat(form.text(name)))
        except ValueError:
            faults.append(FieldError(name, "Enter a day, such as 2026-11-22"))
    if faults:
        raise Invalid(*faults)
    return days[0], days[1]


def _present(pack: PackView) -> dict[str, object]:
    is_there = pack.state == "ready" and pack.removed_at is None
    return {
        "href": f"{HOME}/{pack.id}",
        "first": pack.first_day,
        "last": pack.last_day,
        "is_ready": pack.state == "ready",
        "file": f"{HOME}/{pack.id}/file" if is_there else "",
        "state": _state(pack),
        "colour": "yellow" if pack.state == "waiting" else "green" if is_there else "grey",
        "step": translate(STEP_TEXTS[pack.step]) if pack.state == "waiting" else "",
        "done": pack.steps_done,
        "steps": pack.steps,
        "bytes": "" if pack.bytes is None else f"{pack.bytes:,}",
        "sha256": pack.sha256 or "",
        "manifest": pack.manifest_sha256 or "",
        "problem": pack.problem,
        "asked_by": pack.asked_by_name,
        "asked_at": pack.asked_at,
        "ready_at": pack.ready_at,
        "kept_until": None if pack.ready_at is None else pack.ready_at + KEPT_FOR,
    }


def _state(pack: PackView) -> str:
    if pack.state == "waiting":
        return "Being made"
    return "Ready" if pack.removed_at is None else "Removed after its time"
