"""The console's pages of journals: the list, one journal, its decision, downloads."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response, StreamingResponse

from payments.gl.journals import actions
from payments.gl.journals.csv_lines import write_csv
from payments.gl.journals.presenting import (
    list_states,
    possible_steps,
    present_history,
    present_journal,
    present_lines,
)
from payments.gl.journals.queries import get_journal, list_journals, list_lines, read_rows
from payments.gl.journals.rules import STATES
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared import audit
from shared.errors import Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(RECONCILER, AUDITOR, ADMINISTRATOR))]
Writer = Annotated[Staff, Depends(require_role(RECONCILER))]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Search = Annotated[str, Query(max_length=100)]
SIZE = 20
_DONE = {
    "asked": "The journal was written. Another person has to post it.",
    "posted": "The journal was posted.",
    "declined": "The journal was declined.",
    "withdrawn": "The journal was withdrawn.",
}


@router.get("/journals")
def show_journals(
    request: Request,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    q: Search = "",
    state: str = "",
    page: PageNumber = 1,
) -> Response:
    """List journals, newest first, by state and by what they say."""
    state = state if state in STATES else ""
    found, total = list_journals(
        session, staff.organisation, state=state, search=q, limit=SIZE, skip=(page - 1) * SIZE
    )
    query = {"q": q, "state": state}
    return runtime.pages.render(
        request,
        "journals/journals.html",
        journals=[present_journal(one) for one in found],
        total=total,
        states=list_states(),
        pages=present_pages("/payments/journals", query, page, total, SIZE),
        may_write=staff.has(RECONCILER),
        q=q,
        state=state,
    )


@router.get("/journals.csv")
def download_journals(
    staff: Viewer, session: SessionDep, runtime: RuntimeDep, q: Search = "", state: str = ""
) -> Response:
    """Stream the journals that a search finds, a row for each line; noted in the audit."""
    state = state if state in STATES else ""
    asked = {"q": q, "state": state}
    audit.record(session, staff.actor, "gl.journals.downloaded", "body", staff.organisation, asked)
    return _csv(_stream(runtime, staff.organisation, state, q, 0), "journals.csv")


@router.get("/journals/{number}")
def show_journal(
    request: Request,
    number: int,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show one journal: its lines, and who did what with it."""
    return _one(request, runtime, session, staff, number, done=_DONE.get(done, ""))


@router.get("/journals/{number}/lines.csv")
def download_lines(
    number: int, staff: Viewer, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Stream one journal as CSV."""
    get_journal(session, staff.organisation, number)
    return _csv(_stream(runtime, staff.organisation, "", "", number), f"journal-{number}.csv")


@router.post("/journals/{number}/post")
def post_journal(
    request: Request,
    number: int,
    form: FormDep,
    staff: Writer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Post a journal as the second person."""
    body, seen = staff.organisation, form.text("content")
    try:
        with session.begin_nested():
            actions.post_journal(session, body, number, seen, staff.actor, now)
    except Problem as problem:
        return _one(request, runtime, session, staff, number, problem=problem)
    return RedirectResponse(f"/payments/journals/{number}?done=posted", 303)


@router.post("/journals/{number}/decline")
def decline_journal(
    request: Request,
    number: int,
    form: FormDep,
    staff: Writer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Decline a journal, or withdraw one's own, with a reason."""
    body, reason = staff.organisation, form.text("reason")
    try:
        with session.begin_nested():
            actions.decline_journal(session, body, number, reason, staff.actor, now)
    except Problem as problem:
        return _one(request, runtime, session, staff, number, reason=reason, problem=problem)
    state = get_journal(session, body, number).state
    return RedirectResponse(f"/payments/journals/{number}?done={state}", 303)


def _one(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    number: int,
    *,
    done: str = "",
    reason: str = "",
    problem: Problem | None = None,
) -> Response:
    journal = get_journal(session, staff.organisation, number)
    return runtime.pages.render(
        request,
        "journals/journal.html",
        problem=problem,
        journal=present_journal(journal),
        lines=present_lines(list_lines(session, journal.id)),
        history=present_history(journal),
        typed_reason=reason,
        done=done,
        steps=possible_steps(journal, staff),
    )


def _csv(content: Iterator[str], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, 200, headers, "text/csv; charset=utf-8")


def _stream(runtime: Runtime, body: str, state: str, search: str, number: int) -> Iterator[str]:
    with runtime.database.transaction() as session:
        yield from write_csv(read_rows(session, body, state=state, search=search, number=number))
