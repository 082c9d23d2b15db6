"""The console's pages of journals for the finance system."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response, StreamingResponse

from payments.gl import actions
from payments.gl.files import MEDIA_TYPES, write_csv, write_fixed, write_xlsx
from payments.gl.presenting import (
    errors_of,
    list_errors,
    parse_settings,
    present_export,
    typed_settings,
)
from payments.gl.queries import (
    Export,
    find_waiting,
    get_export,
    get_settings,
    list_accounts,
    list_exports,
    read_lines,
)
from payments.gl.rules import DETAIL_NAMES, TEMPLATE_NAMES, GlSettings, segments_of
from payments.runs.access import Staff, require_role
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared.errors import Conflict, Invalid, NotFound, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(RECONCILER, AUDITOR, ADMINISTRATOR))]
Maker = Annotated[Staff, Depends(require_role(RECONCILER))]
Keeper = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
_SIZE = 50
_DONE = {
    "made": "The journal is being made.",
    "acknowledged": "The answer of the finance system was recorded.",
    "saved": "The settings were saved. Journals that were made stay as they are.",
}


@router.get("/gl")
def show_exports(
    request: Request,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """List the journals that were made, and what waits for the next."""
    return _list(request, runtime, session, staff, page, done=_DONE.get(done, ""))


@router.post("/gl")
def make_export(
    request: Request, staff: Maker, session: SessionDep, runtime: RuntimeDep, now: NowDep
) -> Response:
    """Put what is numbered and new into the next journal."""
    try:
        number = actions.make_export(session, staff.organisation, staff.actor, now)
    except Problem as problem:
        return _list(request, runtime, session, staff, 1, problem=problem)
    return RedirectResponse(f"/payments/gl/exports/{number}?done=made", 303)


@router.get("/gl/settings")
def show_settings(
    request: Request, staff: Viewer, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show how journals look."""
    settings = get_settings(session, staff.organisation) or GlSettings()
    return _settings(request, runtime, session, staff, typed_settings(settings))


@router.post("/gl/settings")
def save_settings(
    request: Request,
    form: FormDep,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Change how journals look from now on."""
    accounts = list_accounts(session, staff.organisation)
    programmes = [one.slug for one in list_programmes(session, staff.organisation)]
    settings, faults = parse_settings(form, accounts, programmes)
    try:
        if faults:
            raise Invalid(*faults)
        actions.save_settings(session, staff.organisation, settings, staff.actor, now)
    except Problem as problem:
        typed = typed_settings(settings) | {"vat_codes": form.text("vat_codes")}
        return _settings(request, runtime, session, staff, typed, problem)
    return RedirectResponse("/payments/gl?done=saved", 303)


@router.get("/gl/exports/{number}")
def show_export(
    request: Request,
    number: int,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show one journal: totals, hash, files, and the finance system's answer."""
    export = get_export(session, staff.organisation, number)
    return _one(request, runtime, staff, export, done=_DONE.get(done, ""))


@router.get("/gl/exports/{number}/file")
def download(
    number: int, staff: Viewer, session: SessionDep, runtime: RuntimeDep, kind: str = "csv"
) -> Response:
    """Download a journal, the same bytes every time."""
    export = get_export(session, staff.organisation, number)
    if kind not in MEDIA_TYPES:
        raise NotFound("no_such_file", "There is no such file")
    if export.ready_at is None:
        raise Conflict("gl_not_ready", "This export is still being made")
    headers = {"Content-Disposition": f'attachment; filename="journal-{number:05d}.{kind}"'}
    if kind == "xlsx":
        content = write_xlsx(read_lines(session, export), export.settings, export.lines or 0)
        return Response(content, 200, headers, MEDIA_TYPES[kind])
    return StreamingResponse(_stream(runtime, export, kind), 200, headers, MEDIA_TYPES[kind])


@router.post("/gl/exports/{number}/acknowledge")
def acknowledge(
    request: Request,
    number: int,
    form: FormDep,
    staff: Maker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Record the finance system's answer."""
    body, reference = staff.organisation, form.text("reference")
    try:
        actions.acknowledge(session, body, number, reference, staff.actor, now)
    except Problem as problem:
        export = get_export(session, body, number)
        return _one(request, runtime, staff, export, reference=reference, problem=problem)
    return RedirectResponse(f"/payments/gl/exports/{number}?done=acknowledged", 303)


def _stream(runtime: Runtime, export: Export, kind: str) -> Iterator[bytes]:
    write = write_csv if kind == "csv" else write_fixed
    with runtime.database.transaction() as session:
        yield from write(read_lines(session, export), export.settings)


def _list(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    page: int,
    *,
    done: str = "",
    problem: Problem | None = None,
) -> Response:
    body = staff.organisation
    found = list_exports(session, body, limit=_SIZE + 1, skip=(page - 1) * _SIZE)
    waiting = find_waiting(session, body)
    return runtime.pages.render(
        request,
        "gl/exports.html",
        status=problem.status if problem else 200,
        error_list=list_errors(problem),
        errors=errors_of(problem),
        exports=[present_export(one) for one in found[:_SIZE]],
        waiting=0 if waiting is None else waiting[2] - waiting[1] + 1,
        is_set_up=get_settings(session, body) is not None,
        may_make=staff.has(RECONCILER),
        page=page,
        has_more=len(found) > _SIZE,
        done=done,
    )


def _settings(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    values: dict[str, object],
    problem: Problem | None = None,
) -> Response:
    return runtime.pages.render(
        request,
        "gl/settings.html",
        status=problem.status if problem else 200,
        error_list=list_errors(problem),
        errors=errors_of(problem),
        values=values,
        accounts=list_accounts(session, staff.organisation),
        programmes=[
            {"slug": one.slug, "name": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        templates=[{"value": key, "text": name} for key, name in TEMPLATE_NAMES.items()],
        details=[{"value": key, "text": name} for key, name in DETAIL_NAMES.items()],
        segments={
            name: ", ".join(dict.fromkeys(segments_of(key))) for key, name in TEMPLATE_NAMES.items()
        },
        may_change=staff.has(ADMINISTRATOR),
    )


def _one(
    request: Request,
    runtime: Runtime,
    staff: Staff,
    export: Export,
    *,
    done: str = "",
    reference: str = "",
    problem: Problem | None = None,
) -> Response:
    return runtime.pages.render(
        request,
        "gl/export.html",
        status=problem.status if problem else 200,
        error_list=list_errors(problem),
        errors=errors_of(problem),
        export=present_export(export),
        reference=reference,
        may_acknowledge=staff.has(RECONCILER) and export.acknowledged_at is None,
        done=done,
    )
