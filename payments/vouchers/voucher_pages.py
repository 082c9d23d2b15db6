"""The console's pages of single vouchers: one voucher, its stops, its replacement, its letter."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.payees.deps import VaultDep
from payments.runs.access import Staff, require_role
from payments.runs.pages import SeesRuns
from payments.runs.queries.runs import find_body_name
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers.actions.batches import note_print, replace_lost
from payments.vouchers.actions.change import Stop, change_by_staff
from payments.vouchers.letters.typesetting import PrintedVoucher, typeset
from payments.vouchers.pages import refuse
from payments.vouchers.presenting import present_voucher
from payments.vouchers.queries import find_batch_purpose, get_voucher
from payments.vouchers.wording import DONE
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/vouchers/numbers")

Stops = Annotated[Staff, Depends(require_role(UPLOADER, APPROVER))]
Replaces = Annotated[Staff, Depends(require_role(UPLOADER))]
_TEMPLATE = "vouchers/voucher.html"


@router.get("/{serial}")
def show_voucher(
    request: Request,
    serial: str,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    done: str = "",
) -> Response:
    """Show a voucher and everything that happened to it; never its secret number."""
    voucher = get_voucher(session, staff.organisation, serial)
    values = present_voucher(session, staff, vault, voucher)
    return runtime.pages.render(request, _TEMPLATE, **values, done=DONE.get(done, ""))


@router.post("/{serial}/state")
def change_state(
    request: Request,
    serial: str,
    form: FormDep,
    staff: Stops,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Suspend, resume, block or cancel a voucher, with a reason."""
    wanted = next((one for one in get_args(Stop) if one == form.text("state")), None)
    try:
        if wanted is None:
            raise Invalid(FieldError("state", "Select what shall be done"))
        with session.begin_nested():
            change_by_staff(session, serial, wanted, form.text("reason"), staff.actor, now)
    except Problem as problem:
        voucher = get_voucher(session, staff.organisation, serial)
        values = {**present_voucher(session, staff, vault, voucher), "done": ""}
        return refuse(request, runtime, _TEMPLATE, values, problem)
    return RedirectResponse(f"/payments/vouchers/numbers/{serial}?done=changed", 303)


@router.post("/{serial}/replace")
def replace(
    request: Request,
    serial: str,
    form: FormDep,
    staff: Replaces,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Cancel a lost voucher and put another forward for the same person."""
    try:
        with session.begin_nested():
            batch_id = replace_lost(session, vault, serial, form.text("why"), staff.actor, now)
    except Problem as problem:
        voucher = get_voucher(session, staff.organisation, serial)
        values = {**present_voucher(session, staff, vault, voucher), "done": ""}
        # Two forms of the page ask for a reason; this one's field is another.
        errors = tuple(
            FieldError("why" if one.field == "reason" else one.field, one.message)
            for one in problem.fields
        )
        told = Problem(
            problem.code, problem.title, detail=problem.detail, fields=errors, status=problem.status
        )
        return refuse(request, runtime, _TEMPLATE, values, told)
    return RedirectResponse(f"/payments/vouchers/batches/{batch_id}?done=replaced", 303)


@router.post("/{serial}/letter")
def print_letter(
    serial: str, staff: Stops, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Return the printable letter as PDF; each print is written down."""
    voucher, recipient, number = note_print(session, vault, serial, staff.actor, now)
    content = typeset(
        PrintedVoucher(
            kind=voucher.kind,
            body=find_body_name(session, staff.organisation) or staff.organisation,
            purpose=find_batch_purpose(session, voucher),
            recipient=recipient,
            serial=serial,
            number=number,
            amount_pence=voucher.amount_pence,
            expires_at=voucher.expires_at,
            printed=voucher.prints + 1,
            printed_at=now,
        )
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{voucher.kind}-{serial}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type="application/pdf", headers=headers)
