"""The console's pages of voucher groups, their money and merchants, and of batches."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.deps import TablesDep, VaultDep
from payments.runs.access import Staff, require_role
from payments.runs.actions.create import Desk
from payments.runs.pages import SIZE, PageNumber, SeesRuns
from payments.runs.presenting import Values, present_pages
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers.actions.batches import approve_batch, put_batch_forward, reject_batch
from payments.vouchers.actions.funds import decide_funding, make_group, propose_funding
from payments.vouchers.actions.merchants import NewMerchant, add_merchant
from payments.vouchers.presenting import (
    present_batch,
    present_group_page,
    present_new_batch,
    present_new_group,
    present_overview,
)
from payments.vouchers.queries import (
    find_voucher,
    get_batch,
    get_group,
    list_batch_vouchers,
    list_batches,
)
from payments.vouchers.rules import parse_lines
from payments.vouchers.wording import DONE
from shared.errors import FieldError, Invalid, Problem
from shared.money import parse_pounds
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter(prefix="/vouchers")

Makes = Annotated[Staff, Depends(require_role(UPLOADER))]
Decides = Annotated[Staff, Depends(require_role(APPROVER))]
_HOME = "/payments/vouchers"


def refuse(
    request: Request, runtime: Runtime, template: str, values: Values, problem: Problem
) -> Response:
    """Show a page again with what was wrong; nothing was changed."""
    return runtime.pages.render(request, template, problem=problem, **values)


def _read_pounds(typed: str) -> int:
    try:
        return parse_pounds(typed)
    except ValueError as error:
        raise Invalid(FieldError("amount", "Enter an amount in pounds, like 250.00")) from error


@router.get("")
def show_vouchers(
    request: Request,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    serial: str = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show groups, what waits for a decision, and batches; find a voucher by its serial number."""
    wanted = "".join(serial.split())
    if wanted and find_voucher(session, staff.organisation, wanted) is not None:
        return RedirectResponse(f"{_HOME}/numbers/{wanted}", 303)
    batches, total = list_batches(session, staff.organisation, (page - 1) * SIZE, SIZE)
    return runtime.pages.render(
        request,
        "vouchers/overview.html",
        **present_overview(session, staff, batches),
        total=total,
        pages=present_pages(_HOME, {}, page, total, SIZE),
        serial=wanted,
        done=DONE.get(done, ""),
    )


@router.get("/groups/new")
def show_new_group(
    request: Request, staff: Makes, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show the form that makes a group."""
    values = present_new_group(session, staff)
    return runtime.pages.render(request, "vouchers/new_group.html", **values, values={})


@router.post("/groups/new")
def make(
    request: Request,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Make a group."""
    days = form.text("days_valid")
    try:
        group_id = make_group(
            session,
            form.text("name"),
            form.text("programme"),
            int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,  # noqa: PLR2004 - no more is valid
            staff.actor,
            now,
        )
    except Problem as problem:
        values = {**present_new_group(session, staff), "values": form.plain()}
        return refuse(request, runtime, "vouchers/new_group.html", values, problem)
    return RedirectResponse(f"{_HOME}/groups/{group_id}?done=group", 303)


@router.get("/groups/{group_id}")
def show_group(
    request: Request,
    group_id: UUID,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show a group's money and merchants."""
    group = get_group(session, staff.organisation, group_id)
    values = present_group_page(session, staff, group)
    return runtime.pages.render(
        request, "vouchers/group.html", **values, values={}, done=DONE.get(done, "")
    )


@router.post("/groups/{group_id}/money")
def ask_for_money(
    request: Request,
    group_id: UUID,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Ask that money be put into a group."""
    try:
        pence = _read_pounds(form.text("amount"))
        propose_funding(session, group_id, pence, staff.actor, now)
    except Invalid as problem:
        group = get_group(session, staff.organisation, group_id)
        values = {**present_group_page(session, staff, group), "values": form.plain()}
        return refuse(request, runtime, "vouchers/group.html", values, problem)
    return RedirectResponse(f"{_HOME}?done=funding", 303)


@router.post("/fundings/{funding_id}")
def decide_money(
    request: Request,
    funding_id: UUID,
    form: FormDep,
    staff: Decides,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Put money into a group, or refuse it."""
    agree = form.text("decision") == "agree"
    try:
        decide_funding(
            session, funding_id, agree=agree, actor=staff.actor, now=now, sign_in=sign_in
        )
    except Problem as problem:
        if led := lead_to_step_up(problem, _HOME):
            return led
        batches, total = list_batches(session, staff.organisation, 0, SIZE)
        values = {
            **present_overview(session, staff, batches),
            "total": total,
            "pages": present_pages(_HOME, {}, 1, total, SIZE),
            "serial": "",
            "done": "",
        }
        return refuse(request, runtime, "vouchers/overview.html", values, problem)
    return RedirectResponse(f"{_HOME}?done={'agreed' if agree else 'refused'}", 303)


@router.post("/groups/{group_id}/merchants")
def add(
    request: Request,
    group_id: UUID,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
) -> Response:
    """Add a merchant to a group."""
    order = NewMerchant(
        group_id, form.text("name"), form.text("sort_code"), form.text("account_number")
    )
    try:
        add_merchant(session, Desk(vault, tables), order, staff.actor, now)
    except (Invalid, Problem) as problem:
        group = get_group(session, staff.organisation, group_id)
        values = {**present_group_page(session, staff, group), "values": form.plain()}
        return refuse(request, runtime, "vouchers/group.html", values, problem)
    return RedirectResponse(f"{_HOME}/groups/{group_id}?done=merchant", 303)


@router.get("/batches/new")
def show_new_batch(
    request: Request, staff: Makes, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show the form that puts vouchers or payment orders forward."""
    values = present_new_batch(session, staff)
    return runtime.pages.render(request, "vouchers/new_batch.html", **values, values={})


@router.post("/batches/new")
def put_forward(
    request: Request,
    form: FormDep,
    staff: Makes,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Put a batch forward."""
    lines, faults = parse_lines(form.text("lines"))
    kind = form.text("kind")
    try:
        if kind not in ("voucher", "payment_order"):
            faults.append(FieldError("kind", "Select vouchers or payment orders"))
        group_id = _read_id(form.text("group"), faults)
        if faults or group_id is None:
            raise Invalid(*faults)
        batch_id = put_batch_forward(
            session,
            vault,
            group_id,
            "payment_order" if kind == "payment_order" else "voucher",
            form.text("purpose"),
            lines,
            staff.actor,
            now,
        )
    except Problem as problem:
        values = {**present_new_batch(session, staff), "values": form.plain()}
        return refuse(request, runtime, "vouchers/new_batch.html", values, problem)
    return RedirectResponse(f"{_HOME}/batches/{batch_id}?done=forward", 303)


def _read_id(typed: str, faults: list[FieldError]) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        faults.append(FieldError("group", "Select a group"))
        return None


@router.get("/batches/{batch_id}")
def show_batch(
    request: Request,
    batch_id: UUID,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show a batch with its vouchers."""
    values = _batch_values(session, staff, vault, batch_id, page)
    return runtime.pages.render(request, "vouchers/batch.html", **values, done=DONE.get(done, ""))


def _batch_values(
    session: SessionDep, staff: Staff, vault: VaultDep, batch_id: UUID, page: int
) -> Values:
    batch = get_batch(session, staff.organisation, batch_id)
    vouchers = list_batch_vouchers(session, batch_id, offset=(page - 1) * SIZE, limit=SIZE)
    path = f"{_HOME}/batches/{batch_id}"
    return {
        **present_batch(session, staff, vault, batch, vouchers),
        "pages": present_pages(path, {}, page, batch.voucher_count, SIZE),
        "href": path,
    }


@router.post("/batches/{batch_id}/decision")
def decide_batch(
    request: Request,
    batch_id: UUID,
    form: FormDep,
    staff: Decides,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Approve exactly what the page showed, or reject it with a reason."""
    path, agree = f"{_HOME}/batches/{batch_id}", form.text("decision") == "approve"
    done = "rejected"
    try:
        with session.begin_nested():
            if agree:
                signed = form.text("content").encode()
                expected = get_batch(session, staff.organisation, batch_id).content_sha256
                is_seen = signed == expected.hex().encode()
                is_last = approve_batch(
                    session,
                    vault,
                    batch_id,
                    expected if is_seen else b"",
                    staff.actor,
                    now,
                    sign_in,
                )
                done = "approved" if is_last else "signed"
            else:
                reject_batch(session, batch_id, form.text("reason"), staff.actor, now)
    except Problem as problem:
        if led := lead_to_step_up(problem, path):
            return led
        values = _batch_values(session, staff, vault, batch_id, 1)
        return refuse(request, runtime, "vouchers/batch.html", {**values, "done": ""}, problem)
    return RedirectResponse(f"{path}?done={done}", 303)
