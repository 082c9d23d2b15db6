"""The console's pages of proposals: what waits, old beside new, and the decision."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.bank_details import DetailsVault
from payments.payees.deps import SettingsDep, TablesDep, VaultDep
from payments.payees.master.actions.decide import confirm, reject, withdraw
from payments.payees.master.edit_pages import Approves, Edits
from payments.payees.master.fresh_sign_in import need_fresh_sign_in
from payments.payees.master.history import list_imports
from payments.payees.master.pages import SIZE, PageNumber, SeesDetails, done_text
from payments.payees.master.presenting import present_change, present_change_line
from payments.payees.master.queries import get_change, list_open_changes
from payments.payees.master.rules import PAYEE_EDITOR, SEES_DETAILS
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from shared import audit
from shared.errors import Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Decides = Annotated[Staff, Depends(require_role(*SEES_DETAILS))]


@router.get("/payees/changes")
def show_changes(
    request: Request,
    staff: Decides,
    session: SessionDep,
    runtime: RuntimeDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show what waits for a decision, oldest first, and the latest files."""
    found, total = list_open_changes(
        session, staff.organisation, offset=(page - 1) * SIZE, limit=SIZE
    )
    return runtime.pages.render(
        request,
        "payees/changes.html",
        changes=[present_change_line(one) for one in found],
        total=total,
        imports=list_imports(session, staff.organisation),
        pages=present_pages("/payments/payees/changes", {}, page, total, SIZE),
        may_edit=staff.has(PAYEE_EDITOR),
        done=done_text(done),
    )


@router.get("/payees/changes/{change_id:uuid}")
def show_change(
    request: Request,
    change_id: UUID,
    staff: Decides,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show a proposal: old beside new with accounts masked, what the checks said, the decision."""
    change = get_change(session, staff.organisation, change_id)
    return runtime.pages.render(
        request,
        "payees/change.html",
        **present_change(session, vault, staff, change, now, full=False),
        no_tables=tables.load() is None,
        done=done_text(done),
    )


@router.get("/payees/changes/{change_id:uuid}/details")
def show_change_details(
    request: Request,
    change_id: UUID,
    staff: SeesDetails,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
) -> Response:
    """Show a proposal with whole bank details; each look is a line of the audit trail."""
    change = get_change(session, staff.organisation, change_id)
    audit.record(
        session,
        staff.actor,
        "payments.payee.details_seen",
        "payee",
        change.payee_id,
        {"organisation": staff.organisation, "change_id": str(change_id)},
    )
    return runtime.pages.render(
        request,
        "payees/change.html",
        **present_change(session, vault, staff, change, now, full=True),
        no_tables=tables.load() is None,
        done="",
    )


@router.post("/payees/changes/{change_id:uuid}/confirm")
def confirm_change(
    request: Request,
    change_id: UUID,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    settings: SettingsDep,
    sign_in: SignInDep,
    now: NowDep,
) -> Response:
    """Put a proposal in force."""
    cooling = timedelta(hours=settings.payee_cooling_off_hours)

    def step() -> None:
        need_fresh_sign_in(session, staff.organisation, sign_in, now)
        confirm(session, vault, change_id, form.text("reason"), staff.actor, now, cooling=cooling)

    return _take_step(request, runtime, session, vault, staff, now, change_id, "confirmed", step)


@router.post("/payees/changes/{change_id:uuid}/reject")
def reject_change(
    request: Request,
    change_id: UUID,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Reject a proposal with a reason."""

    def step() -> None:
        reject(session, change_id, form.text("reject_reason"), staff.actor, now)

    return _take_step(request, runtime, session, vault, staff, now, change_id, "rejected", step)


@router.post("/payees/changes/{change_id:uuid}/withdraw")
def withdraw_change(
    request: Request,
    change_id: UUID,
    form: FormDep,
    staff: Edits,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Take a proposal back."""

    def step() -> None:
        withdraw(session, change_id, form.text("withdraw_reason"), staff.actor, now)

    return _take_step(request, runtime, session, vault, staff, now, change_id, "withdrawn", step)


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    now: datetime,
    change_id: UUID,
    done: str,
    step: Callable[[], None],
) -> Response:
    """Do one step and come back to the proposal; a refusal is shown on it and changes nothing."""
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        if away := lead_to_step_up(problem, f"/payments/payees/changes/{change_id}"):
            return away
        change = get_change(session, staff.organisation, change_id)
        return runtime.pages.render(
            request,
            "payees/change.html",
            problem=problem,
            **present_change(session, vault, staff, change, now, full=False),
            no_tables=False,
            done="",
        )
    return RedirectResponse(f"/payments/payees/changes/{change_id}?done={done}", 303)
