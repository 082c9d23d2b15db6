"""The console's pages of the errors of an upload: the list, the file, corrections, dropping."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from payments.controls.deps import SignInDep, ask_again
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import SEES_RUNS, UPLOADER
from payments.uploads.actions.correct import correct_rows
from payments.uploads.actions.decide import drop_bad_rows
from payments.uploads.exports import stream_errors
from payments.uploads.presenting import present_fault, present_line, present_upload
from payments.uploads.queries import count_faults_by_field, get_upload, list_faults
from payments.uploads.wording import FIELD_TEXTS
from shared import audit
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 50
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Uploader = Annotated[Staff, Depends(require_role(UPLOADER))]


@router.get("/uploads/{upload_id}/errors")
def show_errors(
    request: Request,
    upload_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    field: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the errors of an upload, all or those of one field."""
    upload = get_upload(session, staff.organisation, upload_id)
    faults, total = list_faults(
        session, upload_id, field=field, offset=(page - 1) * SIZE, limit=SIZE
    )
    here = f"/payments/uploads/{upload_id}/errors"
    return runtime.pages.render(
        request,
        "uploads/errors.html",
        upload=present_line(upload),
        rows=[present_fault(one) for one in faults],
        total=total,
        field=field,
        fields=[
            {"value": name, "text": f"{FIELD_TEXTS.get(name, name)} ({count})"}
            for name, count in count_faults_by_field(session, upload_id)
        ],
        here=here,
        pages=present_pages(here, {"field": field}, page, total, SIZE),
        may_correct=staff.has(UPLOADER) and upload.state == "faulty",
    )


@router.get("/uploads/{upload_id}/errors.csv")
def download_errors(
    upload_id: UUID,
    staff: Uploader,
    session: SessionDep,
    runtime: RuntimeDep,
    sign_in: SignInDep,
    now: NowDep,
) -> Response:
    """Give the rows that have errors as a file to be corrected; the look at them is audited.

    They hold whole bank details, so a body may ask for a fresh sign-in.
    """
    upload = get_upload(session, staff.organisation, upload_id)
    back = f"/payments/uploads/{upload_id}/errors"
    if away := ask_again(session, staff.organisation, sign_in, now, back):
        return away
    audit.record(
        session,
        staff.actor,
        "payments.upload.errors_exported",
        "upload",
        upload.id,
        {"reference": upload.reference, "rows": upload.invalid_rows, "full_bank_details": True},
    )
    return StreamingResponse(
        stream_errors(runtime.database, runtime.sealer, upload.id),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{upload.reference}-errors.csv"',
            "Cache-Control": "no-store",
        },
    )


@router.post("/uploads/{upload_id}/corrections")
def send_corrections(
    request: Request,
    upload_id: UUID,
    form: FormDep,
    staff: Uploader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take corrected rows in; a refusal says why and changes nothing."""
    file = form.files.get("corrections")
    try:
        if file is None or not file.filename:
            raise Invalid(FieldError("corrections", "Select the file of corrected rows"))
        with session.begin_nested():
            correct_rows(
                session,
                runtime.sealer,
                staff.organisation,
                upload_id,
                file.file,
                staff.actor,
                now,
            )
    except Problem as problem:
        upload = get_upload(session, staff.organisation, upload_id)
        told = problem.fields or (FieldError("corrections", problem.title),)
        return runtime.pages.render(
            request,
            "uploads/upload.html",
            status=problem.status,
            upload=present_upload(session, staff, upload),
            done="",
            refresh=False,
            errors={"corrections": told[0].message},
            error_list=[{"field": "corrections", "message": one.message} for one in told],
        )
    return RedirectResponse(f"/payments/uploads/{upload_id}?done=corrected", 303)


@router.get("/uploads/{upload_id}/drop")
def ask_drop(
    request: Request, upload_id: UUID, staff: Uploader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask whether the bad rows shall be dropped, and say what that changes."""
    upload = get_upload(session, staff.organisation, upload_id)
    return runtime.pages.render(
        request,
        "uploads/drop.html",
        upload=present_upload(session, staff, upload),
        left=f"{upload.rows_read - upload.invalid_rows:,}",
    )


@router.post("/uploads/{upload_id}/drop")
def do_drop(
    upload_id: UUID, form: FormDep, staff: Uploader, session: SessionDep, now: NowDep
) -> Response:
    """Drop the bad rows that the person was shown and pay the others."""
    rows = form.text("rows")
    shown = int(rows) if rows.isascii() and rows.isdigit() and len(rows) < len("00000000") else -1
    drop_bad_rows(session, staff.organisation, upload_id, shown, staff.actor, now)
    return RedirectResponse(f"/payments/uploads/{upload_id}?done=dropped", 303)
