"""The console's pages of single payments: one payment, its corrections, and search."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.bank_details import AccountType, DetailsVault
from payments.payees.deps import CheckerDep, VaultDep
from payments.runs.access import Staff, require_role
from payments.runs.actions.edit import (
    Correction,
    correct_payment,
    release_hold,
    remove_payment,
)
from payments.runs.actions.recall import recall_payment
from payments.runs.pages import SeesRuns, done_text
from payments.runs.presenting import (
    Values,
    present_payment,
)
from payments.runs.queries.payments import Payment, get_payment
from payments.runs.rules import APPROVER, RELEASER, UPLOADER
from shared.errors import Conflict, FieldError, Invalid, Problem
from shared.money import parse_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Changes = Annotated[Staff, Depends(require_role(UPLOADER))]
Overrides = Annotated[Staff, Depends(require_role(UPLOADER, APPROVER))]
Recalls = Annotated[Staff, Depends(require_role(APPROVER, RELEASER))]
_FIELDS = (
    "payee_name",
    "account_type",
    "sort_code",
    "account_number",
    "roll_number",
    "amount",
    "reference",
)


@router.get("/payments/{public_id}")
def show_payment(
    request: Request,
    public_id: str,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    done: str = "",
) -> Response:
    """Show one payment with everything that happened to it."""
    payment = get_payment(session, staff.organisation, public_id)
    values = present_payment(session, staff, vault, payment)
    return runtime.pages.render(request, "runs/payment.html", **values, done=done_text(done))


@router.get("/payments/{public_id}/edit")
def show_edit(
    request: Request,
    public_id: str,
    staff: Changes,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
) -> Response:
    """Show the form that corrects a payment."""
    payment = get_payment(session, staff.organisation, public_id)
    values = present_payment(session, staff, vault, payment)
    if not values["can"]["edit"]:
        raise Conflict("payment_state", "It is too late to correct this payment")
    return runtime.pages.render(
        request, "runs/edit.html", **values, values=_current(payment, vault)
    )


@router.post("/payments/{public_id}/edit")
def edit(
    request: Request,
    public_id: str,
    form: FormDep,
    staff: Changes,
    runtime: RuntimeDep,
    checker: CheckerDep,
) -> Response:
    """Correct a payment; its run has to be put forward and approved again."""
    try:
        correct_payment(checker, public_id, _read_correction(form), staff.actor)
    except Problem as problem:
        with runtime.database.transaction() as session:
            payment = get_payment(session, staff.organisation, public_id)
            values = present_payment(session, staff, checker.vault, payment)
        kept = {name: form.text(name) for name in _FIELDS}
        return _show_refusal(
            request, runtime, "runs/edit.html", {**values, "values": kept}, problem
        )
    return RedirectResponse(f"/payments/payments/{public_id}?done=edited", 303)


@router.post("/payments/{public_id}/remove")
def remove(
    request: Request,
    public_id: str,
    form: FormDep,
    staff: Changes,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Take a payment out of its run."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        vault,
        public_id,
        "removed",
        lambda: remove_payment(session, public_id, form.text("reason"), staff.actor, now),
    )


@router.post("/payments/{public_id}/release-hold")
def release_payment_hold(
    request: Request,
    public_id: str,
    form: FormDep,
    staff: Overrides,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Let a held payment go on, with a reason."""

    def step() -> None:
        if steps_up_everywhere(session, staff.organisation):
            check_step_up(sign_in, now)
        release_hold(session, public_id, form.text("reason"), staff.actor, now)

    return _take_step(
        request,
        runtime,
        session,
        staff,
        vault,
        public_id,
        "hold-released",
        step,
    )


@router.post("/payments/{public_id}/recall")
def recall(
    request: Request,
    public_id: str,
    form: FormDep,
    staff: Recalls,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Take one payment of an approved run back."""
    return _take_step(
        request,
        runtime,
        session,
        staff,
        vault,
        public_id,
        "payment-recalled",
        lambda: recall_payment(session, public_id, form.text("reason"), staff.actor, now),
    )


def _take_step(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    vault: DetailsVault,
    public_id: str,
    done: str,
    step: Callable[[], None],
) -> Response:
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        payment = get_payment(session, staff.organisation, public_id)
        values = present_payment(session, staff, vault, payment)
        return lead_to_step_up(problem, f"/payments/payments/{public_id}") or _show_refusal(
            request, runtime, "runs/payment.html", {**values, "done": ""}, problem
        )
    return RedirectResponse(f"/payments/payments/{public_id}?done={done}", 303)


def _show_refusal(
    request: Request, runtime: Runtime, template: str, values: Values, problem: Problem
) -> Response:
    return runtime.pages.render(request, template, problem=problem, **values)


def _current(payment: Payment, vault: DetailsVault) -> dict[str, str]:
    details = vault.open(payment.details_sealed, payment.record)
    pounds, pence = divmod(payment.amount_pence, 100)
    return {
        "payee_name": payment.payee_name,
        "account_type": payment.account_type,
        "sort_code": details.shown_sort_code,
        "account_number": details.account_number,
        "roll_number": details.roll_number,
        "amount": f"{pounds}.{pence:02d}",
        "reference": payment.reference,
    }


def _read_correction(form: Form) -> Correction:
    try:
        amount_pence = parse_pounds(form.text("amount"))
    except ValueError as error:
        raise Invalid(FieldError("amount", "Enter an amount in pounds, like 300.00")) from error
    kind: AccountType = "business" if form.text("account_type") == "business" else "personal"
    return Correction(
        form.text("payee_name"),
        kind,
        form.text("sort_code"),
        form.text("account_number"),
        form.text("roll_number"),
        amount_pence,
        form.text("reference"),
    )
