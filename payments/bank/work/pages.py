"""The console's pages of work that the bank's answers make."""

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.bank.advices.amended import read_new_details
from payments.bank.work.actions import assign_item, finish_item, note_item
from payments.bank.work.presenting import Values, present_item, present_note
from payments.bank.work.queries import get_work_item, list_notes, list_work
from payments.bank.work.rules import KIND_TEXTS
from payments.bank.work.writing_back import write_back
from payments.payees.bank_details import show_sort_code
from payments.payees.deps import VaultDep
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import APPROVER, RECONCILER, RELEASER, SEES_RUNS, UPLOADER
from shared import audit
from shared.clock import london_date
from shared.errors import FieldError, Forbidden, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate

router = APIRouter()

SIZE = 50
WORKERS = (UPLOADER, APPROVER, RELEASER, RECONCILER)
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Worker = Annotated[Staff, Depends(require_role(*WORKERS))]
_SEES_DETAILS = (UPLOADER, APPROVER)
# Who moves money back to a programme in the books.
WRITERS_BACK = (APPROVER, RECONCILER)
WriterBack = Annotated[Staff, Depends(require_role(*WRITERS_BACK))]
_WHICH = {"open": "Open", "mine": "Mine", "late": "Overdue", "done": "Done"}
_DONE = {
    "assigned": "You have taken this on.",
    "noted": "Your note was added.",
    "done": "The work is done.",
    "written-back": "The money went back to its programme.",
}


@router.get("/work")
def show_work(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    which: Literal["open", "mine", "late", "done"] = "open",
    kind: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show what waits for a person, the most urgent first."""
    items, total = list_work(
        session,
        staff.organisation,
        which,
        kind=kind if kind in KIND_TEXTS else "",
        person=staff.person_id,
        today=london_date(now),
        skip=(page - 1) * SIZE,
        limit=SIZE,
    )
    return runtime.pages.render(
        request,
        "bank/work.html",
        items=[present_item(item, now) for item in items],
        total=total,
        which=which,
        kind=kind,
        choices=[{"value": value, "text": translate(text)} for value, text in _WHICH.items()],
        kinds=[{"value": value, "text": translate(text)} for value, text in KIND_TEXTS.items()],
        pages=present_pages("/payments/work", {"which": which, "kind": kind}, page, total, SIZE),
    )


@router.get("/work/{item_id}")
def show_item(
    request: Request,
    item_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show one piece of work: what happened, what to do, what was done."""
    values = _present(session, staff, item_id, now)
    return runtime.pages.render(
        request, "bank/work_item.html", **values, done=_DONE.get(done, ""), errors={}
    )


@router.post("/work/{item_id}/assign")
def assign(
    request: Request,
    item_id: UUID,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take a piece of work on."""
    return _do(
        request,
        (session, runtime, staff, item_id, now),
        "assigned",
        lambda: assign_item(session, item_id, staff.actor, now),
    )


@router.post("/work/{item_id}/note")
def note(
    request: Request,
    item_id: UUID,
    form: FormDep,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Write a note."""
    return _do(
        request,
        (session, runtime, staff, item_id, now),
        "noted",
        lambda: note_item(session, item_id, form.text("note"), staff.actor, now),
    )


@router.post("/work/{item_id}/done")
def finish(
    request: Request,
    item_id: UUID,
    form: FormDep,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Close a piece of work with what came of it."""
    return _do(
        request,
        (session, runtime, staff, item_id, now),
        "done",
        lambda: finish_item(session, item_id, form.text("result"), staff.actor, now),
    )


@router.post("/work/{item_id}/write-back")
def give_back(
    request: Request,
    item_id: UUID,
    form: FormDep,
    staff: WriterBack,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Give the money of a payment that came back to its programme."""

    def step() -> None:
        if form.text("sure") != "yes":
            raise Invalid(FieldError("sure", "Confirm that this payment is not paid again"))
        write_back(session, item_id, form.text("reason"), staff.actor, now)

    return _do(request, (session, runtime, staff, item_id, now), "written-back", step)


@router.post("/work/{item_id}/details")
def show_details(
    request: Request,
    item_id: UUID,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Show the bank details that the bank told; each look is an audit line."""
    if not staff.has(*_SEES_DETAILS):
        raise Forbidden("role_missing", "Your role does not allow this")
    item = get_work_item(session, staff.organisation, item_id)
    told = {}
    if item.private_sealed is not None:
        sort_code, account = read_new_details(vault, item.key, bytes(item.private_sealed))
        told = {"sort_code": show_sort_code(sort_code), "account": account}
        audit.record(session, staff.actor, "bank.work.details_seen", "work_item", item_id)
    values = _present(session, staff, item_id, now)
    return runtime.pages.render(
        request, "bank/work_item.html", **values, told=told, done="", errors={}
    )


Place = tuple[Session, RuntimeDep, Staff, UUID, NowDep]


def _do(request: Request, place: Place, done: str, step: Callable[[], None]) -> Response:
    """Do one step and come back; a refusal is shown on the page and changes nothing."""
    session, runtime, staff, item_id, now = place
    try:
        with session.begin_nested():
            step()
    except Problem as problem:
        return runtime.pages.render(
            request,
            "bank/work_item.html",
            problem=problem,
            **_present(session, staff, item_id, now),
            done="",
        )
    return RedirectResponse(f"/payments/work/{item_id}?done={done}", 303)


def _present(session: Session, staff: Staff, item_id: UUID, now: NowDep) -> Values:
    item = get_work_item(session, staff.organisation, item_id)
    return {
        "item": present_item(item, now),
        "notes": [present_note(one) for one in list_notes(session, item_id)],
        "may_work": staff.has(*WORKERS) and item.state == "open",
        "may_note": staff.has(*WORKERS),
        "may_write_back": item.kind in ("returned", "rejected")
        and item.state == "open"
        and staff.has(*WRITERS_BACK),
        "is_mine": item.owner_id == staff.person_id,
        "sees_details": staff.has(*_SEES_DETAILS),
    }
