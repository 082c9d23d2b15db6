"""The console's pages of uploads: the list, a new one, one upload, and its columns."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.payees.deps import settings_of
from payments.runs.access import Staff, require_role
from payments.runs.presenting import Values, present_pages
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import SEES_RUNS, UPLOADER
from payments.screening.queries import find_current_list
from payments.uploads.actions.decide import abandon, map_columns, read_again
from payments.uploads.actions.receive import Declaration, SameBytes, receive_upload
from payments.uploads.presenting import present_line, present_upload
from payments.uploads.preview import preview_columns
from payments.uploads.queries import get_upload, list_uploads
from payments.uploads.readers.columns import shape_hash
from payments.uploads.rules import COLUMNS, NEEDED, Mapping, header_hash
from payments.uploads.wording import FORMAT_TEXTS, STATE_TEXTS
from shared.errors import FieldError, Invalid, Problem
from shared.money import parse_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 20
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Uploader = Annotated[Staff, Depends(require_role(UPLOADER))]
_DONE = {
    "received": "The file was received. It is being read.",
    "mapped": "The columns are known. The file is being read.",
    "again": "The file is being read again.",
    "corrected": "The corrected rows were received. They are being checked.",
    "dropped": "The bad rows were dropped. The payments of the others are being made.",
    "abandoned": "The upload was given up. Nothing is paid of it.",
}


@router.get("/uploads")
def show_uploads(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    state: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the body's uploads, newest first."""
    found, total = list_uploads(
        session, staff.organisation, state=state, offset=(page - 1) * SIZE, limit=SIZE
    )
    return runtime.pages.render(
        request,
        "uploads/uploads.html",
        uploads=[present_line(one) for one in found],
        total=total,
        state=state,
        states=[{"value": name, "text": text} for name, text in STATE_TEXTS.items()],
        pages=present_pages("/payments/uploads", {"state": state}, page, total, SIZE),
        may_upload=staff.has(UPLOADER),
        has_list=find_current_list(session) is not None,
    )


@router.get("/uploads/new")
def show_new(
    request: Request, staff: Uploader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask for a file and what is said about it."""
    values = {"format": "csv", "account_type": "personal"}
    return runtime.pages.render(
        request, "uploads/new.html", **_choices(session, staff), values=values, first=None
    )


def _choices(session: Session, staff: Staff) -> Values:
    return {
        "programmes": [
            {"value": one.slug, "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        "formats": [{"value": name, "text": text} for name, text in FORMAT_TEXTS.items()],
    }


@router.post("/uploads/new")
def send_new(
    request: Request,
    form: FormDep,
    staff: Uploader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take a file in; a refusal names the field, and links to an upload of the same bytes."""
    try:
        declaration, faults = _read_declaration(form, staff)
        file = form.files.get("file")
        if file is None or not file.filename:
            faults.append(FieldError("file", "Select a file of payments"))
        if faults or file is None:
            raise Invalid(*faults)
        with session.begin_nested():
            upload = receive_upload(
                session,
                runtime.sealer,
                declaration,
                file.file,
                staff.actor,
                now,
                maximum_bytes=settings_of(request).upload_maximum_bytes,
            )
    except Problem as problem:
        first = problem.first if isinstance(problem, SameBytes) else None
        told = problem.fields or (FieldError("file", f"{problem.title}. {problem.detail}"),)
        return runtime.pages.render(
            request,
            "uploads/new.html",
            status=problem.status,
            **_choices(session, staff),
            values=form.plain(),
            first=present_line(first) if first is not None else None,
            errors={fault.field: fault.message for fault in told},
            error_list=[{"field": fault.field, "message": fault.message} for fault in told],
        )
    return RedirectResponse(f"/payments/uploads/{upload.id}?done=received", 303)


def _read_declaration(form: Form, staff: Staff) -> tuple[Declaration, list[FieldError]]:
    faults = []
    count = form.text("count").replace(",", "")
    pence: int | None = None
    try:
        pence = parse_pounds(form.text("total"))
    except ValueError:
        faults.append(FieldError("total", "Enter the total of the file in pounds, like 1,234.50"))
    if not (count.isascii() and count.isdigit()) or len(count) > len("0000000"):
        faults.append(FieldError("count", "Enter how many payments the file has"))
        count = "0"
    entry_on: date | None = None
    typed = [form.text(f"entry_on-{part}") for part in ("day", "month", "year")]
    if any(typed):
        try:
            entry_on = date(int(typed[2]), int(typed[1]), int(typed[0]))
        except ValueError:
            faults.append(FieldError("entry_on", "Enter a real day, like 30 11 2026"))
    file = form.files.get("file")
    return (
        Declaration(
            organisation=staff.organisation,
            programme=form.text("programme"),
            format=form.text("format"),
            filename=file.filename if file is not None else "",
            count=int(count),
            pence=pence,
            entry_on=entry_on,
            account_type=form.text("account_type"),
        ),
        faults,
    )


@router.get("/uploads/{upload_id}")
def show_upload(
    request: Request,
    upload_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
    refresh: str = "on",
) -> Response:
    """Show how far an upload is, its totals, its errors, and what became of it."""
    upload = get_upload(session, staff.organisation, upload_id)
    return runtime.pages.render(
        request,
        "uploads/upload.html",
        upload=present_upload(session, staff, upload),
        done=_DONE.get(done, ""),
        refresh=refresh != "off",
    )


@router.get("/uploads/{upload_id}/columns")
def show_columns(
    request: Request, upload_id: UUID, staff: Uploader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show the first rows of a file and ask what each column is."""
    upload = get_upload(session, staff.organisation, upload_id)
    rows = preview_columns(runtime.database, runtime.sealer, upload)
    return runtime.pages.render(
        request, "uploads/columns.html", **_present_columns(upload.reference, rows), values={}
    )


def _present_columns(reference: str, rows: list[list[str]]) -> Values:
    return {
        "reference": reference,
        "rows": rows,
        "width": max((len(row) for row in rows), default=0),
        "ours": [
            {"value": name, "text": f"{name} *" if name in NEEDED else name} for name in COLUMNS
        ],
    }


@router.post("/uploads/{upload_id}/columns")
def save_columns(
    request: Request,
    upload_id: UUID,
    form: FormDep,
    staff: Uploader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Keep what a person says about the columns; the next file of this heading needs no answer."""
    upload = get_upload(session, staff.organisation, upload_id)
    rows = preview_columns(runtime.database, runtime.sealer, upload)
    width = len(rows[0]) if rows else 0
    columns = tuple(form.text(f"column-{position}") for position in range(width))
    has_header = form.text("has_header") == "yes"
    header = header_hash(rows[0]) if has_header and rows else shape_hash(width)
    try:
        with session.begin_nested():
            map_columns(
                session,
                staff.organisation,
                upload_id,
                Mapping(columns, has_header),
                header,
                staff.actor,
                now,
            )
    except Invalid as invalid:
        return runtime.pages.render(
            request,
            "uploads/columns.html",
            status=invalid.status,
            **_present_columns(upload.reference, rows),
            values=form.plain(),
            error_list=[{"field": "column-0", "message": one.message} for one in invalid.fields],
        )
    return RedirectResponse(f"/payments/uploads/{upload_id}?done=mapped", 303)


@router.post("/uploads/{upload_id}/again")
def start_again(upload_id: UUID, staff: Uploader, session: SessionDep, now: NowDep) -> Response:
    """Read an upload from its stored bytes again."""
    read_again(session, staff.organisation, upload_id, staff.actor, now)
    return RedirectResponse(f"/payments/uploads/{upload_id}?done=again", 303)


@router.get("/uploads/{upload_id}/abandon")
def ask_abandon(
    request: Request, upload_id: UUID, staff: Uploader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask whether an upload shall be given up."""
    upload = get_upload(session, staff.organisation, upload_id)
    return runtime.pages.render(request, "uploads/abandon.html", upload=present_line(upload))


@router.post("/uploads/{upload_id}/abandon")
def do_abandon(upload_id: UUID, staff: Uploader, session: SessionDep, now: NowDep) -> Response:
    """Give an upload up."""
    abandon(session, staff.organisation, upload_id, staff.actor, now)
    return RedirectResponse(f"/payments/uploads/{upload_id}?done=abandoned", 303)
