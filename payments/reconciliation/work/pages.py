"""The desk of a reconciler: one line, what it may be, and every decision about it."""

import re
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.queries import list_report_problems
from payments.payees.deps import VaultDep, settings_of
from payments.reconciliation.presenting import present_exception
from payments.reconciliation.queries import count_exceptions, list_exceptions
from payments.reconciliation.work.actions import (
    Desk,
    Part,
    decide_write_off,
    leave_in_suspense,
    match_line,
    propose_write_off,
)
from payments.reconciliation.work.notes import (
    acknowledge_return,
    add_note,
    check_words,
    set_due,
    take_line,
)
from payments.reconciliation.work.presenting import CODES, present_line_case, present_proposal
from payments.reconciliation.work.queries import find_line, list_coded_accounts, list_open_proposals
from payments.reconciliation.work.statements import decide_statement, propose_statement
from payments.reconciliation.work.undoing import undo_match
from payments.runs.access import Staff, require_role
from payments.runs.rules import APPROVER, RECONCILER, SEES_RUNS
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Problem
from shared.money import parse_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Worker = Annotated[Staff, Depends(require_role(RECONCILER))]
Decider = Annotated[Staff, Depends(require_role(RECONCILER, APPROVER))]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
SIZE = 50
_DONE = {
    "matched": "The line is matched.",
    "part": "A part of the line is matched. The rest is still open.",
    "suspense": "The rest of the line stays in suspense.",
    "proposed": "The write-off waits for a second person.",
    "undone": "The match was taken back. The line is open again.",
    "noted": "The note was kept.",
    "asked": "The question was kept with the line.",
    "taken": "The line is yours.",
    "due": "The day was changed.",
    "seen": "The return is closed here. Its case goes on with the payment.",
    "approved": "Approved.",
    "refused": "Refused. Nothing was changed.",
}
_TARGET = re.compile(r"(submission|returned_payment|payment|expected_item):([0-9a-f-]{36})")


@router.get("/reconciliation/exceptions")
def show_exceptions(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    code: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show what waits for a person, all or of one kind, and bank reports that do not apply."""
    counts = count_exceptions(session, staff.organisation)
    code = code if code in CODES else ""
    found = list_exceptions(session, staff.organisation, SIZE, skip=(page - 1) * SIZE, code=code)
    total = counts.get(code, 0) if code else sum(counts.values())
    return runtime.pages.render(
        request,
        "reconciliation/exceptions.html",
        exceptions=[present_exception(one) for one in found],
        first_line=next(
            (f"/payments/reconciliation/lines/{one.line_id}" for one in found if one.line_id), ""
        ),
        kinds=[{"code": one, "text": CODES[one], "count": count} for one, count in counts.items()],
        code=code,
        page=page,
        has_more=page * SIZE < total,
        waiting=len(list_open_proposals(session, staff.organisation)),
        problems=[
            {"name": one.bank_report_id, "at": one.received_at, "problem": one.problem}
            for one in list_report_problems(session, staff.organisation)
        ],
    )


@router.get("/reconciliation/lines/{line_id}")
def show_line(
    request: Request,
    line_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show one line, what it may be with the reason of each signal, and its history."""
    desk = Desk(session, vault, staff.actor, now)
    return _render(request, runtime, desk, staff, line_id, done=_DONE.get(done, ""))


def _render(
    request: Request,
    runtime: RuntimeDep,
    desk: Desk,
    staff: Staff,
    line_id: UUID,
    *,
    done: str = "",
    faults: tuple[FieldError, ...] = (),
    values: dict[str, str] | None = None,
    checked: int | None = None,
    status: int = 200,
) -> Response:
    line = find_line(desk.session, desk.vault, desk.body, line_id)
    if line is None:
        raise NotFound("no_such_line", "There is no such line")
    following = [
        one.line_id
        for one in list_exceptions(desk.session, desk.body, SIZE)
        if one.line_id not in (None, line_id)
    ]
    return runtime.pages.render(
        request,
        "reconciliation/line.html",
        status=status,
        case=present_line_case(desk.session, line, values or {}, checked),
        accounts=list_coded_accounts(desk.session, desk.body),
        limit=settings_of(request).write_off_limit_pence,
        next_href=f"/payments/reconciliation/lines/{following[0]}" if following else "",
        may_work=staff.has(RECONCILER),
        values=values or {},
        done=done,
        errors={fault.field: fault.message for fault in faults},
        error_list=[{"field": fault.field, "message": fault.message} for fault in faults],
    )


@router.post("/reconciliation/lines/{line_id}")
def work_on_line(
    request: Request,
    line_id: UUID,
    form: FormDep,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Take one decision about a line; a refusal shows the line again and changes nothing."""
    desk = Desk(session, vault, staff.actor, now)
    if form.text("do") == "check":
        parts = _read_parts(form)
        total = sum(part.pence for part in parts)
        return _render(request, runtime, desk, staff, line_id, values=form.plain(), checked=total)
    limit = settings_of(request).write_off_limit_pence
    try:
        with session.begin_nested():
            done = _decide(desk, line_id, form, limit)
    except (Invalid, Conflict, Forbidden) as problem:
        return _render(
            request,
            runtime,
            desk,
            staff,
            line_id,
            faults=problem.fields or (FieldError("line", problem.title),),
            values=form.plain(),
            status=problem.status,
        )
    return RedirectResponse(f"/payments/reconciliation/lines/{line_id}?done={done}", 303)


def _decide(desk: Desk, line_id: UUID, form: Form, limit_pence: int) -> str:
    match form.text("do"):
        case "match":
            left = match_line(desk, line_id, _read_parts(form), form.text("match_reason"))
            return "part" if left else "matched"
        case "suspense":
            leave_in_suspense(desk, line_id, form.text("reason"))
            return "suspense"
        case "write_off":
            pence = _pence(form.text("amount"), "amount")
            code = form.text("account")
            known = list_coded_accounts(desk.session, desk.body)
            if code not in (*known, "write_offs"):
                raise Invalid(FieldError("account", "Choose an account"))
            propose_write_off(desk, line_id, code, pence, form.text("reason"), limit_pence)
            return "proposed"
        case "undo":
            undo_match(desk, _uuid(form.text("match")), form.text("undo_reason"))
            return "undone"
        case other:
            return _note(desk, line_id, form, other)


def _note(desk: Desk, line_id: UUID, form: Form, what: str) -> str:
    session, actor, now = desk.session, desk.actor, desk.now
    if find_line(session, desk.vault, desk.body, line_id) is None:
        raise NotFound("no_such_line", "There is no such line")
    match what:
        case "note" | "ask":
            kind = "question" if what == "ask" else "note"
            words = check_words(form.text("note"), "note")
            add_note(session, line_id, kind, words, actor, now)
            return "asked" if what == "ask" else "noted"
        case "take":
            take_line(session, line_id, actor, now)
            return "taken"
        case "due":
            set_due(session, line_id, _day(form.text("due")), actor, now)
            return "due"
        case "seen":
            acknowledge_return(session, line_id, actor, now)
            return "seen"
    raise Invalid(FieldError("line", "Choose what is to be done"))


def _read_parts(form: Form) -> list[Part]:
    """Return the chosen targets; one without an amount takes what is open of it."""
    parts = []
    for chosen in form.all("target"):
        found = _TARGET.fullmatch(chosen)
        if found is None:
            raise Invalid(FieldError("targets", "Choose a target from the list"))
        text = form.text(f"pence-{chosen}") or form.text(f"open-{chosen}")
        parts.append(Part(found[1], UUID(found[2]), _pence(text, "targets")))
    return parts


def _pence(text: str, field: str) -> int:
    try:
        return int(parse_pounds(text))
    except ValueError:
        raise Invalid(FieldError(field, "Enter an amount in pounds and pence")) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("no_such_match", "There is no such match") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(FieldError("due", "Enter a day")) from None


@router.get("/reconciliation/approvals")
def show_approvals(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show what waits for a second person."""
    return runtime.pages.render(
        request,
        "reconciliation/approvals.html",
        proposals=[
            present_proposal(one) | {"own": one.proposed_by == staff.person_id}
            for one in list_open_proposals(session, staff.organisation)
        ],
        may_decide=staff.has(RECONCILER, APPROVER),
        done=_DONE.get(done, ""),
    )


@router.post("/reconciliation/approvals/{proposal_id}")
def decide(
    proposal_id: UUID,
    form: FormDep,
    staff: Decider,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Approve or refuse what another person proposed."""
    desk = Desk(session, vault, staff.actor, now)
    approve = form.text("decision") == "approve"
    if form.text("kind") == "write_off":
        decide_write_off(desk, proposal_id, approve=approve)
    else:
        decide_statement(desk, proposal_id, approve=approve)
    done = "approved" if approve else "refused"
    return RedirectResponse(f"/payments/reconciliation/approvals?done={done}", 303)


@router.post("/reconciliation/statements/{statement_id}/decision")
def propose(
    statement_id: UUID,
    form: FormDep,
    staff: Worker,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Propose what is to become of a statement that does not continue the one before."""
    desk = Desk(session, vault, staff.actor, now)
    here = f"/payments/reconciliation/statements/{statement_id}"
    try:
        with session.begin_nested():
            propose_statement(desk, statement_id, form.text("kind"), form.text("reason"))
    except Invalid:
        return RedirectResponse(f"{here}?done=reason_missing", 303)
    except Problem as problem:
        if problem.status == NotFound.status:
            raise
        return RedirectResponse(f"{here}?done=not_possible", 303)
    return RedirectResponse(f"{here}?done=proposed", 303)
