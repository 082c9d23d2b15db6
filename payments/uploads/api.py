"""Uploads for programs: POST /payments/v1/uploads, its state, and its errors."""

import tempfile
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse
from starlette.types import Message

from payments.payees.api import Organisation
from payments.payees.bank_details import AccountType
from payments.payees.deps import settings_of
from payments.uploads.actions.receive import Declaration, SameBytes, receive_upload
from payments.uploads.queries import (
    Upload,
    find_upload_of_client,
    list_faults,
)
from payments.uploads.rules import CHUNK_BYTES, MAXIMUM_PENCE, MAXIMUM_ROWS, Format
from payments.uploads.storage import measure
from shared import idempotency
from shared.errors import Problem
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

Writer = Annotated[Caller, Depends(require_scope("payments.write"))]
Reader = Annotated[Caller, Depends(require_scope("payments.read"))]
IdempotencyKey = Annotated[str | None, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")]
# A form's own lines around the file.
_FORM_ROOM = 64_000
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


class TooLarge(Problem):
    """The body is larger than this installation takes."""

    status = 413

    def __init__(self, maximum: int) -> None:
        super().__init__("file_too_large", f"The file is larger than {maximum} bytes")


class UploadAnswer(BaseModel):
    """How far an upload is, and what became of it."""

    upload_id: str
    reference: str
    state: Literal[
        "mapping",
        "reading",
        "validating",
        "comparing",
        "faulty",
        "creating",
        "created",
        "refused",
        "abandoned",
    ]
    declared_count: int
    declared_pence: int
    rows_read: int
    pence_read: int
    invalid_rows: int
    dropped_rows: int
    dropped_pence: int
    held_rows: int
    warnings: dict[str, int]
    refusal_code: str = Field(description="Why the whole file was refused, or empty")
    refusal: str
    run_id: str = Field(description="The run that the payments are in, or empty")


class FaultLine(BaseModel):
    """One error of one row."""

    row: int
    line: int
    field: str
    message: str


class FaultsAnswer(BaseModel):
    """A page of the errors of an upload."""

    total: int
    page: int
    errors: list[FaultLine]


async def read_file(request: Request, _caller: Writer) -> AsyncIterator[BinaryIO]:
    """Return the body's file, on disk where it is large; refuses one above the limit.

    Asynchronous because Starlette reads bodies so.
    """
    maximum = settings_of(request).upload_maximum_bytes
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    file: BinaryIO = tempfile.SpooledTemporaryFile(max_size=CHUNK_BYTES)  # type: ignore[assignment]  # noqa: SIM115 - it has all methods of one
    try:
        if kind == "multipart/form-data":
            await _read_form(request, file, maximum)
        else:
            size = 0
            async for piece in request.stream():
                size += len(piece)
                if size > maximum:
                    raise TooLarge(maximum)
                file.write(piece)
        yield file
    finally:
        file.close()


async def _read_form(request: Request, file: BinaryIO, maximum: int) -> None:
    """Copy the part ``file`` of a form; stops reading where a form is larger than it may be."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > maximum + _FORM_ROOM:
            raise TooLarge(maximum)
        return message

    bounded = Request(request.scope, receive)
    try:
        async with bounded.form(max_files=1, max_fields=10) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise Problem("file_missing", "The form has no part named file", status=422)
            while piece := await part.read(CHUNK_BYTES):
                file.write(piece)
    except (MultiPartException, AssertionError, ValueError, KeyError) as error:
        raise Problem("form_unreadable", "The form cannot be read", status=422) from error


FileDep = Annotated[BinaryIO, Depends(read_file)]


@router.post(
    "/uploads",
    status_code=202,
    response_model=UploadAnswer,
    openapi_extra=_BODY,
    responses={413: {"description": "Larger than this installation takes"}},
)
def send_upload(
    request: Request,
    file: FileDep,
    caller: Writer,
    runtime: RuntimeDep,
    now: NowDep,
    organisation: Annotated[Organisation, Query()],
    programme: Annotated[str, Query(max_length=63)],
    format: Annotated[Format, Query()],  # noqa: A002 - its name in the address
    count: Annotated[int, Query(ge=1, le=MAXIMUM_ROWS)],
    total_pence: Annotated[int, Query(ge=1, le=MAXIMUM_PENCE)],
    entry_on: Annotated[date | None, Query()] = None,
    account_type: Annotated[AccountType, Query()] = "personal",
    filename: Annotated[str, Query(max_length=200)] = "",
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Take a file of payments in; it is read and checked in the background.

    The body is the file itself, or a form with a part named ``file``. ``count`` and
    ``total_pence`` are compared with the file before anything else. The same bytes again are
    refused with 409 and the id of the first upload.
    """
    caller.check_acts_for(organisation)
    declaration = Declaration(
        organisation=organisation,
        programme=programme,
        format=format,
        filename=filename,
        count=count,
        pence=total_pence,
        entry_on=entry_on,
        account_type=account_type,
        source="api",
    )
    headers: dict[str, str] = {}
    with runtime.database.transaction() as session:
        scope = f"payments.uploads:{organisation}:{caller.client_id}"
        sha256 = measure(file)[0].hex()
        digest = idempotency.request_hash({**declaration.__dict__, "sha256": sha256})
        if idempotency_key is not None:
            stored = idempotency.remember(session, scope, idempotency_key, digest)
            if stored is not None:
                return JSONResponse(stored.body, stored.status, {"Idempotent-Replayed": "true"})
        try:
            upload = receive_upload(
                session,
                runtime.sealer,
                declaration,
                file,
                caller.actor,
                now,
                maximum_bytes=settings_of(request).upload_maximum_bytes,
            )
        except SameBytes as same:
            mine = same.first.sent_by_id == caller.client_id
            first = str(same.first.id) if mine else same.first.reference
            raise Problem(
                "same_file",
                "This file was uploaded before",
                detail=f"It is upload {first}. Nothing was changed.",
                status=409,
            ) from same
        body = present(upload).model_dump()
        if idempotency_key is not None:
            idempotency.store(session, scope, idempotency_key, digest, status=202, body=body)
    headers["Location"] = f"/payments/v1/uploads/{upload.id}"
    return JSONResponse(body, 202, headers)


def present(upload: Upload) -> UploadAnswer:
    """Return an upload as programs see it."""
    return UploadAnswer(
        upload_id=str(upload.id),
        reference=upload.reference,
        state=upload.state,
        declared_count=upload.declared_count,
        declared_pence=upload.declared_pence,
        rows_read=upload.rows_read,
        pence_read=upload.pence_read,
        invalid_rows=upload.invalid_rows,
        dropped_rows=upload.dropped_rows,
        dropped_pence=upload.dropped_pence,
        held_rows=upload.held_rows,
        warnings=upload.warnings,
        refusal_code=upload.refusal_code or "",
        refusal=upload.refusal or "",
        run_id=str(upload.run_id or ""),
    )


@router.get("/uploads/{upload_id}")
def show_upload(upload_id: UUID, session: SessionDep, caller: Reader) -> UploadAnswer:
    """Tell how far an upload is that the same program sent; every other is not found."""
    return present(find_upload_of_client(session, caller.client_id, upload_id))


@router.get("/uploads/{upload_id}/errors")
def show_errors(
    upload_id: UUID,
    session: SessionDep,
    caller: Reader,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> FaultsAnswer:
    """List the errors of an upload that the same program sent, in order of its rows."""
    upload = find_upload_of_client(session, caller.client_id, upload_id)
    faults, total = list_faults(session, upload.id, offset=(page - 1) * size, limit=size)
    return FaultsAnswer(
        total=total,
        page=page,
        errors=[
            FaultLine(row=one.number, line=one.line, field=one.field, message=one.message)
            for one in faults
        ],
    )
