"""The console's pages on which a payee is proposed, changed, stopped, and let go on."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.actions import Checker, validate_details
from payments.payees.bank_details import AccountType, BankDetails, DetailsVault
from payments.payees.deps import CheckerDep, VaultDep
from payments.payees.master.actions.check import check_change
from payments.payees.master.actions.decide import hurry
from payments.payees.master.actions.propose import Proposal, propose
from payments.payees.master.actions.stop import lift_stop, stop_payee
from payments.payees.master.fresh_sign_in import need_fresh_sign_in
from payments.payees.master.presenting import Values, present_payee
from payments.payees.master.queries import find_current, get_payee, open_facts
from payments.payees.master.rules import (
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    SEES_DETAILS,
    PayeeFacts,
    check_facts,
)
from payments.runs.access import Staff, require_role
from shared import audit
from shared.errors import Conflict, FieldError, Invalid, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Edits = Annotated[Staff, Depends(require_role(PAYEE_EDITOR))]
Approves = Annotated[Staff, Depends(require_role(PAYEE_APPROVER))]
Stops = Annotated[Staff, Depends(require_role(PAYEE_EDITOR, PAYEE_APPROVER))]
_FIELDS = (
    *("name", "account_type", "beneficiary", "sort_code", "account_number", "roll_number"),
    *("iban", "reference", "gl_code", "email", "notes", "reason"),
)
# The page checks at once; the worker does it where the page could not.
_WORKER_WAITS = timedelta(seconds=60)


@router.get("/payees/new")
def show_new(request: Request, _staff: Edits, runtime: RuntimeDep, checker: CheckerDep) -> Response:
    """Show the empty form of a payee."""
    return runtime.pages.render(
        request,
        "payees/payee_form.html",
        values=dict.fromkeys(_FIELDS, ""),
        payee=None,
        no_tables=checker.tables.load() is None,
    )


@router.post("/payees/new")
def propose_new(
    request: Request, form: FormDep, staff: Edits, runtime: RuntimeDep, checker: CheckerDep
) -> Response:
    """Propose a payee, check its account and name, and show what came of it."""
    return _propose(request, form, staff, runtime, checker, None)


@router.get("/payees/{payee_id:uuid}/change")
def show_change_form(
    request: Request,
    payee_id: UUID,
    staff: Edits,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    checker: CheckerDep,
) -> Response:
    """Show the form filled with what is in force; that is a look at whole bank details."""
    found = get_payee(session, staff.organisation, payee_id)
    current = find_current(session, found.id, found.version)
    if current is None:
        raise Conflict("payee_not_active", "This payee is not in force")
    facts = open_facts(vault, current)
    details = {"organisation": staff.organisation}
    audit.record(session, staff.actor, "payments.payee.details_seen", "payee", payee_id, details)
    return runtime.pages.render(
        request,
        "payees/payee_form.html",
        values=_current(facts),
        payee={"id": str(found.id), "name": found.name, "href": f"/payments/payees/{found.id}"},
        no_tables=checker.tables.load() is None,
    )


@router.post("/payees/{payee_id:uuid}/change")
def propose_change_of(
    request: Request,
    payee_id: UUID,
    form: FormDep,
    staff: Edits,
    runtime: RuntimeDep,
    checker: CheckerDep,
) -> Response:
    """Propose a change of a payee, check it, and show what came of it."""
    return _propose(request, form, staff, runtime, checker, payee_id)


def _propose(
    request: Request,
    form: Form,
    staff: Staff,
    runtime: Runtime,
    checker: Checker,
    payee_id: UUID | None,
) -> Response:
    try:
        facts = _read(form, checker)
        wanted = Proposal(staff.organisation, facts, "page", form.text("reason"), payee_id)
        with checker.database.transaction() as session:
            change_id = propose(
                session,
                checker.vault,
                wanted,
                staff.actor,
                checker.clock(),
                check_after=_WORKER_WAITS,
            )
    except Problem as problem:
        return _show_form_again(request, form, staff, runtime, checker, payee_id, problem)
    check_change(checker, staff.organisation, change_id)
    return RedirectResponse(f"/payments/payees/changes/{change_id}?done=proposed", 303)


def _show_form_again(
    request: Request,
    form: Form,
    staff: Staff,
    runtime: Runtime,
    checker: Checker,
    payee_id: UUID | None,
    problem: Problem,
) -> Response:
    payee: Values | None = None
    if payee_id is not None:
        with checker.database.transaction() as session:
            found = get_payee(session, staff.organisation, payee_id)
        href = f"/payments/payees/{found.id}"
        payee = {"id": str(found.id), "name": found.name, "href": href}
    return runtime.pages.render(
        request,
        "payees/payee_form.html",
        problem=problem,
        values={name: form.text(name) for name in _FIELDS},
        payee=payee,
        no_tables=checker.tables.load() is None,
    )


def _read(form: Form, checker: Checker) -> PayeeFacts:
    """Return what the form says; refuses it with every fault at once."""
    faults: list[FieldError] = []
    details = BankDetails("", "", "", "", "")
    try:
        details, _ = validate_details(
            checker.tables,
            form.text("sort_code"),
            form.text("account_number"),
            form.text("roll_number"),
            form.text("iban"),
        )
    except Invalid as invalid:
        faults.extend(invalid.fields)
    facts = PayeeFacts(
        name=" ".join(form.text("name").split()),
        account_type=cast("AccountType", form.text("account_type")),
        details=details,
        reference=form.text("reference"),
        beneficiary=" ".join(form.text("beneficiary").split()),
        gl_code=form.text("gl_code"),
        email=form.text("email"),
        notes=form.text("notes").replace("\r\n", "\n"),
    )
    if faults := [*check_facts(facts), *faults]:
        raise Invalid(*faults)
    return facts


def _current(facts: PayeeFacts) -> Values:
    details = facts.details
    return {
        "name": facts.name,
        "account_type": facts.account_type,
        "beneficiary": facts.beneficiary,
        "sort_code": details.shown_sort_code,
        "account_number": details.account_number,
        "roll_number": details.roll_number,
        "iban": details.iban,
        "reference": facts.reference,
        "gl_code": facts.gl_code,
        "email": facts.email,
        "notes": facts.notes,
        "reason": "",
    }


@router.post("/payees/{payee_id:uuid}/stop")
def stop(
    request: Request,
    payee_id: UUID,
    form: FormDep,
    staff: Stops,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Stop payments to a payee."""

    def step() -> None:
        stop_payee(
            session,
            payee_id,
            form.text("code"),
            form.text("stop_reason"),
            form.text("owner"),
            _read_day(form.text("review_on")),
            staff.actor,
            now,
        )

    return _take_step(
        request, runtime, session, vault, staff, now, payee_id, "stopped", step, form.plain()
    )


@router.post("/payees/{payee_id:uuid}/lift-stop")
def lift(
    request: Request,
    payee_id: UUID,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Let payments go to a stopped payee again."""

    def step() -> None:
        lift_stop(session, payee_id, form.text("lift_reason"), staff.actor, now)

    return _take_step(
        request, runtime, session, vault, staff, now, payee_id, "lifted", step, form.plain()
    )


@router.post("/payees/{payee_id:uuid}/end-cooling-off")
def end_cooling_off(
    request: Request,
    payee_id: UUID,
    form: FormDep,
    staff: Approves,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    sign_in: SignInDep,
    now: NowDep,
) -> Response:
    """End the cooling-off of a payee's details early, with a reason."""

    def step() -> None:
        need_fresh_sign_in(session, staff.organisation, sign_in, now)
        found = get_payee(session, staff.organisation, payee_id)
        current = find_current(session, payee_id, found.version)
        if current is None:
            raise Conflict("not_cooling", "This payee is not in force")
        hurry(session, current.id, form.text("hurry_reason"), staff.actor, now)

    return _take_step(
        request, runtime, session, vault, staff, now, payee_id, "hurried", step, form.plain()
    )


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    now: datetime,
    payee_id: UUID,
    done: str,
    step: Callable[[], None],
    typed: Values,
) -> Response:
    """Do one step and come back to the payee; a refusal is shown on it and changes nothing."""
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        if away := lead_to_step_up(problem, f"/payments/payees/{payee_id}"):
            return away
        return runtime.pages.render(
            request,
            "payees/payee.html",
            problem=problem,
            **present_payee(session, vault, staff, payee_id, now, full=False),
            sees_details=staff.has(*SEES_DETAILS),
            done="",
            typed=typed,
        )
    return RedirectResponse(f"/payments/payees/{payee_id}?done={done}", 303)
