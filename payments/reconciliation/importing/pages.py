"""Pages that import a statement file: its format is found, and a table's columns are named."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.queries import find_bank_account, list_bank_accounts
from payments.bank.safe_xml import UnreadableError
from payments.payees.deps import VaultDep
from payments.reconciliation.actions import import_statements
from payments.reconciliation.importing.mappings import find_mapping, save_mapping
from payments.reconciliation.presenting import account_name, amount
from payments.reconciliation.readers import detect_format, read_statements
from payments.reconciliation.readers.csv_lines import (
    DAY_FORMATS,
    SEPARATORS,
    ColumnMap,
    guess_separator,
    read_header,
)
from payments.runs.access import Staff, require_role
from payments.runs.rules import APPROVER, RECONCILER, UPLOADER
from shared.errors import FieldError, Invalid, NotFound, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
IMPORTERS = (UPLOADER, APPROVER, RECONCILER)
Importer = Annotated[Staff, Depends(require_role(*IMPORTERS))]
_COLUMNS = ("day", "amount", "money_in", "money_out", "reference", "name", "code", "balance")
_PREVIEW = 10


@router.get("/reconciliation/import")
def show_import(
    request: Request, staff: Importer, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Ask for a statement file."""
    accounts = _account_choices(session, staff)
    return runtime.pages.render(
        request, "reconciliation/import.html", accounts=accounts, values={"account": ""}
    )


@router.post("/reconciliation/import")
def import_file(
    request: Request,
    form: FormDep,
    staff: Importer,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Import a statement file; a refusal names the field and leaves nothing behind.

    A table whose columns nobody has named yet leads to the page that asks for them.
    """
    try:
        name, content, account = _read_upload(form)
        columns = find_mapping(session, staff.organisation, account)
        if detect_format(content) == "csv" and columns is None:
            return RedirectResponse(f"/payments/reconciliation/columns/{account}", 303)
        with session.begin_nested():
            imported = import_statements(
                session,
                vault,
                staff.organisation,
                name,
                content,
                staff.actor,
                now,
                account_id=account,
                columns=columns,
            )
    except Problem as problem:
        faults = problem.fields or (FieldError("file", problem.title),)
        return runtime.pages.render(
            request,
            "reconciliation/import.html",
            status=problem.status,
            accounts=_account_choices(session, staff),
            values={"account": form.text("account")},
            errors={fault.field: fault.message for fault in faults},
            error_list=[{"field": fault.field, "message": fault.message} for fault in faults],
        )
    done = "replay" if imported.replay else "imported"
    if not imported.statement_ids:
        return RedirectResponse("/payments/reconciliation", 303)
    here = f"/payments/reconciliation/statements/{imported.statement_ids[0]}"
    return RedirectResponse(f"{here}?done={done}", 303)


@router.get("/reconciliation/columns/{account_id}")
def show_columns(
    request: Request,
    account_id: UUID,
    staff: Importer,
    session: SessionDep,
    runtime: RuntimeDep,
) -> Response:
    """Ask what the columns of an account's files hold."""
    saved = find_mapping(session, staff.organisation, account_id)
    return _render_columns(request, runtime, session, staff, account_id, saved or ColumnMap())


@router.post("/reconciliation/columns/{account_id}")
def name_columns(
    request: Request,
    account_id: UUID,
    form: FormDep,
    staff: Importer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Try a mapping on a file and show its first lines; save it when the person says so."""
    mapping = _read_mapping(form)
    upload = form.files.get("file")
    if upload is None or not upload.content:
        fault = FieldError("file", "Select a file to try the columns on")
        return _render_columns(
            request, runtime, session, staff, account_id, mapping, faults=(fault,)
        )
    content = upload.content
    try:
        if not form.text("day"):
            mapping = ColumnMap(separator=guess_separator(content))
        header = read_header(content, mapping.separator)
        faults = mapping.faults(header) if form.text("day") else {}
        lines = [] if faults or not form.text("day") else _preview(content, mapping)
    except UnreadableError as error:
        header, lines = [], []
        faults = {"file": f"Line {error.line}: {error.reason}"}
    if lines and form.text("do") == "save":
        save_mapping(session, account_id, mapping, staff.actor, now)
        return RedirectResponse("/payments/reconciliation/import?done=columns", 303)
    return _render_columns(
        request,
        runtime,
        session,
        staff,
        account_id,
        mapping,
        header=header,
        lines=lines,
        faults=tuple(FieldError(name, words) for name, words in faults.items()),
    )


def _preview(content: bytes, mapping: ColumnMap) -> list[dict[str, object]]:
    (statement,) = read_statements(content, mapping).statements
    return [
        {
            "day": line.booking_date,
            "amount": amount(line.amount_pence),
            "text": " · ".join(filter(None, (line.counterparty_name, line.reference))),
            "code": line.bank_code,
        }
        for line in statement.lines[:_PREVIEW]
    ]


def _render_columns(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    staff: Staff,
    account_id: UUID,
    mapping: ColumnMap,
    *,
    header: list[str] | None = None,
    lines: list[dict[str, object]] | None = None,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    account = find_bank_account(session, account_id)
    if account is None or account.body != staff.organisation:
        raise NotFound("no_such_bank_account", "There is no such bank account")
    return runtime.pages.render(
        request,
        "reconciliation/columns.html",
        status=Invalid.status if faults else 200,
        account={"name": account_name(account), "id": str(account.id)},
        mapping=asdict(mapping),
        columns=header or [],
        lines=lines or [],
        day_formats=list(DAY_FORMATS),
        separators=list(SEPARATORS),
        errors={fault.field: fault.message for fault in faults},
        error_list=[{"field": fault.field, "message": fault.message} for fault in faults],
    )


def _read_mapping(form: Form) -> ColumnMap:
    given = {name: form.text(name)[:200] for name in _COLUMNS}
    return ColumnMap(
        **given,
        day_format=form.text("day_format") or "dd/mm/yyyy",
        separator=form.text("separator") or "comma",
        newest_first=form.text("newest_first") == "yes",
    )


def _account_choices(session: SessionDep, staff: Staff) -> list[dict[str, str]]:
    return [
        {"value": str(one.id), "text": account_name(one)}
        for one in list_bank_accounts(session, staff.organisation)
    ]


def _read_upload(form: Form) -> tuple[str, bytes, UUID]:
    faults = []
    upload = form.files.get("file")
    if upload is None or not upload.content:
        faults.append(FieldError("file", "Select a statement file that is not empty"))
    account = form.text("account")
    try:
        chosen = UUID(account)
    except ValueError:
        faults.append(FieldError("account", "Select the bank account of the statement"))
    if faults or upload is None:
        raise Invalid(*faults)
    return upload.filename or "statement", upload.content, chosen
