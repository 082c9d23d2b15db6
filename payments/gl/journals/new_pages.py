"""The console's pages on which a journal, or a reversal, is written, and accounts are opened."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.gl.journals import actions
from payments.gl.journals.form import TypedJournal, begin_form, read_draft, read_form, read_key
from payments.gl.journals.presenting import list_choices, present_journal, present_lines
from payments.gl.journals.queries import get_journal, list_lines, list_open_accounts
from payments.gl.journals.rules import is_writable, read_day
from payments.ledger.own.actions import open_own_account
from payments.ledger.own.rules import AccountType
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared.clock import london_date
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(RECONCILER, AUDITOR, ADMINISTRATOR))]
Writer = Annotated[Staff, Depends(require_role(RECONCILER))]
Keeper = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
_TYPES: tuple[AccountType, ...] = ("expense", "income", "asset", "liability")
TYPE_TEXTS: dict[str, str] = {
    "expense": "Expense",
    "income": "Income",
    "asset": "Asset",
    "liability": "Liability",
}
_ACCOUNT_DONE = {"opened": "The account was opened.", "there": "The account was there already."}


@router.get("/journals/new")
def show_new(
    request: Request, staff: Writer, session: SessionDep, runtime: RuntimeDep, now: NowDep
) -> Response:
    """Ask for a journal."""
    return _new(request, runtime, session, staff, begin_form(london_date(now)))


@router.post("/journals/new")
def send_new(
    request: Request,
    form: FormDep,
    staff: Writer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Add lines to the form, or ask a second person to post it; sent twice it is one journal."""
    typed = read_form(form)
    if form.text("do") == "add":
        return _new(request, runtime, session, staff, typed.with_more_lines())
    body = staff.organisation
    try:
        key = read_key(typed.key)
        draft = read_draft(typed, list_open_accounts(session, body), london_date(now))
        with session.begin_nested():
            number, _ = actions.submit_journal(session, body, draft, key, staff.actor, now)
    except Problem as problem:
        return _new(request, runtime, session, staff, typed, problem)
    return RedirectResponse(f"/payments/journals/{number}?done=asked", 303)


@router.get("/journals/{number}/reverse")
def show_reverse(
    request: Request,
    number: int,
    staff: Writer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Ask why and on which day a journal is taken back."""
    return _reverse(request, runtime, session, staff, number, begin_form(london_date(now)))


@router.post("/journals/{number}/reverse")
def send_reverse(
    request: Request,
    number: int,
    form: FormDep,
    staff: Writer,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Ask a second person to take a journal back whole."""
    typed, body = read_form(form), staff.organisation
    try:
        key = read_key(typed.key)
        on = read_day(typed.day, typed.month, typed.year)
        with session.begin_nested():
            made, _ = actions.ask_reversal(
                session, body, number, on, typed.reason, key, staff.actor, now
            )
    except Problem as problem:
        return _reverse(request, runtime, session, staff, number, typed, problem)
    return RedirectResponse(f"/payments/journals/{made}?done=asked", 303)


@router.get("/journals/accounts")
def show_accounts(
    request: Request, staff: Viewer, session: SessionDep, runtime: RuntimeDep, done: str = ""
) -> Response:
    """List the accounts that journals may be written to."""
    return _accounts(request, runtime, session, staff, done=_ACCOUNT_DONE.get(done, ""))


@router.post("/journals/accounts")
def open_account(
    request: Request, form: FormDep, staff: Keeper, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Open an account of the body's own; the same again changes nothing."""
    code, kind = form.text("code"), form.text("type")
    try:
        chosen = next((known for known in _TYPES if known == kind), None)
        if chosen is None:
            raise Invalid(FieldError("type", "Select a type"))
        is_new = open_own_account(
            session, staff.organisation, code, chosen, staff.actor, bounded=False
        )
    except Problem as problem:
        values = {"code": code, "type": kind}
        return _accounts(request, runtime, session, staff, values=values, problem=problem)
    return RedirectResponse(
        f"/payments/journals/accounts?done={'opened' if is_new else 'there'}", 303
    )


def _new(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    typed: TypedJournal,
    problem: Problem | None = None,
) -> Response:
    return runtime.pages.render(
        request,
        "journals/new.html",
        problem=problem,
        typed=typed,
        accounts=list_choices(list_open_accounts(session, staff.organisation)),
    )


def _reverse(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    number: int,
    typed: TypedJournal,
    problem: Problem | None = None,
) -> Response:
    journal = get_journal(session, staff.organisation, number)
    return runtime.pages.render(
        request,
        "journals/reverse.html",
        problem=problem,
        typed=typed,
        journal=present_journal(journal),
        lines=present_lines(list_lines(session, journal.id)),
    )


def _accounts(
    request: Request,
    runtime: Runtime,
    session: Session,
    staff: Staff,
    *,
    done: str = "",
    values: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    accounts = list_open_accounts(session, staff.organisation)
    return runtime.pages.render(
        request,
        "journals/accounts.html",
        problem=problem,
        accounts=[
            {"code": code, "type": TYPE_TEXTS.get(kind, kind)}
            for code, kind in accounts.items()
            if is_writable(code, kind)
        ],
        types=[{"value": kind, "text": name} for kind, name in TYPE_TEXTS.items()],
        values=values or {"code": "own.", "type": "expense"},
        may_open=staff.has(ADMINISTRATOR),
        done=done,
    )
