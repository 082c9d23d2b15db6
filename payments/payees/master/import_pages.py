"""The console's pages of payees by the file."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.deps import SettingsDep, TablesDep, VaultDep
from payments.payees.master.actions.imports import confirm_import, import_payees, reject_import
from payments.payees.master.edit_pages import Approves, Edits
from payments.payees.master.fresh_sign_in import need_fresh_sign_in
from payments.payees.master.history import Import, get_import
from payments.payees.master.import_rules import MAXIMUM_BYTES, MAXIMUM_ROWS, OPTIONAL, REQUIRED
from payments.payees.master.pages import SIZE, PageNumber, done_text
from payments.payees.master.presenting import Values, present_change_line
from payments.payees.master.queries import count_import_states, list_import_changes
from payments.payees.master.rules import PAYEE_APPROVER, SEES_DETAILS
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Decides = Annotated[Staff, Depends(require_role(*SEES_DETAILS))]


@router.get("/payees/import")
def show_import_form(
    request: Request, _staff: Edits, runtime: RuntimeDep, tables: TablesDep
) -> Response:
    """Show the form that takes a file of payees."""
    return runtime.pages.render(
        request, "payees/import.html", **_form_values(), no_tables=tables.load() is None
    )


def _form_values() -> Values:
    return {
        "columns": ", ".join((*REQUIRED, *OPTIONAL)),
        "maximum": f"{MAXIMUM_ROWS:,}",
    }


@router.post("/payees/import")
def take_import(
    request: Request,
    form: FormDep,
    staff: Edits,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
) -> Response:
    """Propose what a file says."""
    try:
        file = form.files.get("file")
        content = file.file.read(MAXIMUM_BYTES + 1) if file is not None else b""
        if file is None or not content:
            raise Invalid(FieldError("file", "Select a CSV file"))
        with session.begin_nested():
            import_id = import_payees(
                session, vault, tables, file.filename, content, staff.actor, now
            )
    except Problem as problem:
        if problem.code == "file_known":
            return RedirectResponse(f"/payments/payees/imports/{problem.detail}?done=known", 303)
        return runtime.pages.render(
            request,
            "payees/import.html",
            problem=problem,
            **_form_values(),
            no_tables=tables.load() is None,
        )
    return RedirectResponse(f"/payments/payees/imports/{import_id}?done=imported", 303)


@router.get("/payees/imports/{import_id:uuid}")
def show_import(
    request: Request,
    import_id: UUID,
    staff: Decides,
    session: SessionDep,
    runtime: RuntimeDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show a file: how far its checks are, its proposals, its faults, the decision."""
    values = _present(session, staff, get_import(session, staff.organisation, import_id), page)
    text = "This file was imported before. Nothing was changed." if done == "known" else ""
    return runtime.pages.render(
        request, "payees/import_batch.html", **values, done=text or done_text(done)
    )


def _present(session: Session, staff: Staff, found: Import, page: int) -> Values:
    states = count_import_states(session, found.id)
    changes = list_import_changes(session, found.id, offset=(page - 1) * SIZE, limit=SIZE)
    apart = found.created_by_id != staff.person_id
    may_decide = staff.has(PAYEE_APPROVER) and found.state == "proposed"
    return {
        "batch": found,
        "states": states,
        "checking": states.get("checking", 0),
        "changes": [present_change_line(one) for one in changes],
        "pages": present_pages(
            f"/payments/payees/imports/{found.id}", {}, page, found.proposed, SIZE
        ),
        "can": {"decide": may_decide and apart},
        "needs_other_person": may_decide and not apart,
    }


@router.post("/payees/imports/{import_id:uuid}/confirm")
def confirm_batch(
    request: Request,
    import_id: UUID,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    settings: SettingsDep,
    sign_in: SignInDep,
    now: NowDep,
) -> Response:
    """Confirm every proposal of a file that no check speaks against."""
    cooling = timedelta(hours=settings.payee_cooling_off_hours)

    def step() -> None:
        need_fresh_sign_in(session, staff.organisation, sign_in, now)
        confirm_import(session, import_id, staff.actor, now, cooling=cooling)

    return _take_step(request, runtime, session, staff, import_id, "confirmed", step)


@router.post("/payees/imports/{import_id:uuid}/reject")
def reject_batch(
    request: Request,
    import_id: UUID,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Reject every open proposal of a file."""

    def step() -> None:
        reject_import(session, import_id, form.text("reason"), staff.actor, now)

    return _take_step(request, runtime, session, staff, import_id, "rejected", step)


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    import_id: UUID,
    done: str,
    step: Callable[[], None],
) -> Response:
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        if away := lead_to_step_up(problem, f"/payments/payees/imports/{import_id}"):
            return away
        found = get_import(session, staff.organisation, import_id)
        return runtime.pages.render(
            request,
            "payees/import_batch.html",
            problem=problem,
            **_present(session, staff, found, 1),
            done="",
        )
    return RedirectResponse(f"/payments/payees/imports/{import_id}?done={done}", 303)
