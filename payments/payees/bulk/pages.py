"""The console's pages of name checks by the file."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response, StreamingResponse

from payments.controls.deps import SignInDep, ask_again
from payments.payees.bank_details import DetailsVault
from payments.payees.bulk.actions import begin_batch, go_on, stop_batch
from payments.payees.bulk.presenting import present_batch, present_line, present_result
from payments.payees.bulk.queries import ResultRow, get_batch, list_batches, list_results
from payments.payees.bulk.rules import (
    MAXIMUM_BYTES,
    MAXIMUM_ROWS,
    OPTIONAL,
    PART_ROWS,
    REQUIRED,
    read_names,
)
from payments.payees.csv_files import write_row
from payments.payees.deps import SettingsDep, TablesDep, VaultDep
from payments.payees.rules import CHECK_ROLES, outcome_of
from payments.runs.access import Staff, require_role
from payments.runs.presenting import Values, present_pages
from shared import audit
from shared.db import Database
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

SIZE = 50
_PATH = "/payments/confirmation-of-payee/files"
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Word = Annotated[str, Query(max_length=20, pattern=r"^[A-Za-z0-9_]*$")]
Checks = Annotated[Staff, Depends(require_role(*CHECK_ROLES))]
Sees = Annotated[Staff, Depends(require_role(*CHECK_ROLES, "payments.auditor"))]
_DONE = {
    "taken": "The file was taken. Its names are being checked.",
    "known": "These names were sent in the last 24 hours. Nothing was asked again.",
    "stopped": "No more names of this file are asked about.",
    "resumed": "The file goes on where it was.",
}
_COLUMNS = (
    *("row", "reference", "account_type", "name", "sort_code", "account_number", "roll_number"),
    *("outcome", "reason_code", "policy", "matched_name", "modulus", "explanation"),
)


@router.get("/confirmation-of-payee/files")
def show_files(
    request: Request,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    tables: TablesDep,
    page: PageNumber = 1,
) -> Response:
    """Show the body's files, newest first, and the form that takes the next."""
    return runtime.pages.render(
        request, "payees/files.html", **_list(session, staff, page), no_tables=tables.load() is None
    )


def _list(session: Session, staff: Staff, page: int) -> Values:
    found, total = list_batches(session, staff.organisation, offset=(page - 1) * SIZE, limit=SIZE)
    return {
        "files": [present_line(one) for one in found],
        "total": total,
        "pages": present_pages(_PATH, {}, page, total, SIZE),
        "columns": ", ".join((*REQUIRED, *OPTIONAL)),
        "maximum": f"{MAXIMUM_ROWS:,}",
        "may_check": staff.has(*CHECK_ROLES),
    }


@router.post("/confirmation-of-payee/files")
def take_file(
    request: Request,
    form: FormDep,
    staff: Checks,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
) -> Response:
    """Take a file in; its names are asked about afterwards."""
    try:
        file = form.files.get("file")
        content = file.file.read(MAXIMUM_BYTES + 1) if file is not None else b""
        if file is None or not content:
            raise Invalid(FieldError("file", "Select a CSV file"))
        with session.begin_nested():
            batch_id = begin_batch(
                session,
                vault,
                staff.organisation,
                "page",
                file.filename,
                hashlib.sha256(content).digest(),
                read_names(content),
                staff.actor,
                now,
            )
    except Problem as problem:
        if problem.code == "file_known":
            return RedirectResponse(f"{_PATH}/{problem.detail}?done=known", 303)
        return runtime.pages.render(
            request,
            "payees/files.html",
            problem=problem,
            **_list(session, staff, 1),
            no_tables=tables.load() is None,
        )
    return RedirectResponse(f"{_PATH}/{batch_id}?done=taken", 303)


@router.get("/confirmation-of-payee/files/{batch_id:uuid}")
def show_file(
    request: Request,
    batch_id: UUID,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    outcome: Word = "",
    code: Word = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show how far a file is, its answers as counts and bars, and its rows, filtered."""
    values = _present(session, vault, staff, batch_id, outcome, code, page)
    return runtime.pages.render(
        request,
        "payees/file.html",
        **values,
        no_tables=tables.load() is None,
        done=_DONE.get(done, ""),
    )


def _present(
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    batch_id: UUID,
    outcome: str,
    code: str,
    page: int,
) -> Values:
    batch = get_batch(session, staff.organisation, batch_id)
    values = present_batch(session, batch)
    rows = list_results(
        session,
        vault,
        batch_id,
        outcome=outcome,
        reason_code=code,
        offset=(page - 1) * SIZE,
        limit=SIZE,
    )
    _note_names(session, staff, batch_id, rows)
    total = next(
        (
            one["rows"]
            for one in values["answers"]
            if (one["outcome"], one["code"]) == (outcome, code)
        ),
        batch.rows,
    )
    query: Values = {"outcome": outcome, "code": code}
    return {
        **values,
        **query,
        "results": [present_result(row) for row in rows],
        "pages": present_pages(f"{_PATH}/{batch_id}", query, page, total, SIZE),
        "may_check": staff.has(*CHECK_ROLES),
    }


def _note_names(session: Session, staff: Staff, batch_id: UUID, rows: list[ResultRow]) -> None:
    """Record that names which the banks hold are displayed (contract 5.4)."""
    shown = sum(row.matched_name is not None for row in rows)
    if shown:
        details = {"organisation": staff.organisation, "names": shown}
        audit.record(
            session,
            staff.actor,
            "payments.name_batch.names_shown",
            "name_batch",
            batch_id,
            details,
        )


@router.get("/confirmation-of-payee/files/{batch_id:uuid}/download")
def download_results(
    batch_id: UUID,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    sign_in: SignInDep,
    now: NowDep,
) -> Response:
    """Give every row with its answer as CSV; recorded, because it displays names of banks.

    It holds whole bank details, so a body may ask for a fresh sign-in.
    """
    batch = get_batch(session, staff.organisation, batch_id)
    if away := ask_again(session, staff.organisation, sign_in, now, f"{_PATH}/{batch_id}"):
        return away
    details = {"organisation": staff.organisation, "rows": batch.rows}
    audit.record(
        session, staff.actor, "payments.name_batch.downloaded", "name_batch", batch_id, details
    )
    return StreamingResponse(
        _write(runtime.database, vault, batch_id, batch.rows),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="name-checks-{batch_id}.csv"',
            "Cache-Control": "no-store",
        },
    )


def _write(database: Database, vault: DetailsVault, batch_id: UUID, total: int) -> Iterator[str]:
    yield "\ufeff" + write_row(_COLUMNS)
    for offset in range(0, total, PART_ROWS):
        with database.transaction() as session:
            rows = list_results(session, vault, batch_id, offset=offset, limit=PART_ROWS)
        yield "".join(write_row(_cells(row)) for row in rows)


def _cells(one: ResultRow) -> tuple[object, ...]:
    row = one.row
    answered = one.state == "answered"
    outcome = outcome_of(one.reason_code) if answered else None
    return (
        *(one.number, row.reference, row.account_type, row.name, row.sort_code),
        *(row.account_number or row.iban, row.roll_number),
        one.outcome or "not_asked_yet",
        one.reason_code,
        outcome.policy if outcome else "",
        one.matched_name,
        one.modulus_result,
        outcome.explanation if outcome else one.fault,
    )


@router.post("/confirmation-of-payee/files/{batch_id:uuid}/stop")
def stop_file(
    request: Request,
    batch_id: UUID,
    staff: Checks,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Ask no more rows of a file."""

    def step() -> None:
        stop_batch(session, batch_id, staff.actor, now)

    return _take_step(request, runtime, session, vault, staff, batch_id, "stopped", step)


@router.post("/confirmation-of-payee/files/{batch_id:uuid}/go-on")
def go_on_with_file(
    request: Request,
    batch_id: UUID,
    staff: Checks,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    settings: SettingsDep,
    now: NowDep,
) -> Response:
    """Go on with a stopped file, and ask again where no bank answered."""

    def step() -> None:
        go_on(session, batch_id, staff.actor, now, lanes=settings.name_check_batch_lanes)

    return _take_step(request, runtime, session, vault, staff, batch_id, "resumed", step)


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    batch_id: UUID,
    done: str,
    step: Callable[[], None],
) -> Response:
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        return runtime.pages.render(
            request,
            "payees/file.html",
            problem=problem,
            **_present(session, vault, staff, batch_id, "", "", 1),
            no_tables=False,
            done="",
        )
    return RedirectResponse(f"{_PATH}/{batch_id}?done={done}", 303)
