"""Pages of an account's rules: try on history, propose, decide."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.queries import BankAccount, find_bank_account
from payments.reconciliation.passes import Settings
from payments.reconciliation.presenting import account_name
from payments.reconciliation.ruling.actions import (
    RuleVersion,
    decide_rules,
    get_rules_in_force,
    list_versions,
    propose_rules,
)
from payments.reconciliation.ruling.queries import find_decided_line
from payments.reconciliation.ruling.suggesting import suggest
from payments.reconciliation.work.presenting import TARGETS
from payments.runs.access import Staff, require_role
from payments.runs.rules import APPROVER, RECONCILER, SEES_RUNS
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Worker = Annotated[Staff, Depends(require_role(RECONCILER))]
Decider = Annotated[Staff, Depends(require_role(RECONCILER, APPROVER))]
# A trial begins so many days ago unless a person says otherwise.
_HISTORY = 35
_DONE = {
    "proposed": "The rules were tried and wait for a second person. Nothing was changed.",
    "active": "The rules are in force. Open lines were matched again.",
    "refused": "The rules were refused. Nothing was changed.",
    "same_person": "You proposed these rules. Another person has to decide about them.",
    "decided": "These rules were decided already. Nothing was changed.",
}
_STATES = {
    "draft": ("Waits for a second person", "orange"),
    "active": ("In force", "green"),
    "retired": ("Was in force", "grey"),
    "refused": ("Refused", "grey"),
}
_KINDS = ("gained", "lost", "changed", "ambiguous", "against")


def _account(session: SessionDep, staff: Staff, account_id: UUID) -> BankAccount:
    account = find_bank_account(session, account_id)
    if account is None or account.body != staff.organisation:
        raise NotFound("no_such_bank_account", "There is no such bank account")
    return account


@router.get("/reconciliation/rules/{account_id}")
def show_rules(
    request: Request,
    account_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
    line: UUID | None = None,
) -> Response:
    """Show the versions of an account's rules, with what each would have changed.

    With a line that a person decided, the form holds what would have done the same.
    """
    account = _account(session, staff, account_id)
    today = london_date(now)
    values = {"first": str(today - timedelta(days=_HISTORY)), "last": str(today)}
    found = None if line is None else find_decided_line(session, account.id, line)
    if found is None:
        return _render(request, runtime, session, staff, account, values, done=_DONE.get(done, ""))
    wanted = suggest(get_rules_in_force(session, account.id), found.text, found.booked, found.done)
    values |= {
        "first": str(min(found.booked, today - timedelta(days=_HISTORY))),
        "last": str(max(found.booked, today)),
        "pattern": wanted.settings.pattern,
        "window_days": str(wanted.settings.window_days),
        "return_days": str(wanted.settings.return_days),
    }
    origin = {
        "href": f"/payments/reconciliation/lines/{found.id}",
        "statement": found.statement,
        "number": found.number,
        "text": found.text,
        "targets": [TARGETS[one.target_type] for one in found.done],
        "notes": list(wanted.notes),
    }
    return _render(request, runtime, session, staff, account, values, origin=origin)


def _render(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    staff: Staff,
    account: BankAccount,
    values: dict[str, str],
    *,
    done: str = "",
    faults: tuple[FieldError, ...] = (),
    origin: dict[str, object] | None = None,
) -> Response:
    versions = list_versions(session, account.id)
    active = get_rules_in_force(session, account.id)
    held = {
        "pattern": active.pattern,
        "window_days": str(active.window_days),
        "return_days": str(active.return_days),
        "commit_by_amount": "yes" if active.commit_by_amount else "",
    }
    return runtime.pages.render(
        request,
        "reconciliation/rules.html",
        status=Invalid.status if faults else 200,
        account={
            "name": account_name(account),
            "href": f"/payments/reconciliation/rules/{account.id}",
            "report": f"/payments/reconciliation/accounts/{account.id}",
        },
        versions=[_present(one, staff.person_id) for one in versions],
        values=held | values,
        origin=origin,
        may_work=staff.has(RECONCILER),
        may_decide=staff.has(RECONCILER, APPROVER),
        done=done,
        errors={fault.field: fault.message for fault in faults},
        error_list=[{"field": fault.field, "message": fault.message} for fault in faults],
    )


def _present(one: RuleVersion, person: str) -> dict[str, object]:
    text, colour = _STATES[one.state]
    trial = one.trial or {}
    samples = trial.get("samples")
    found = samples if isinstance(samples, dict) else {}
    return {
        "id": str(one.id),
        "version": one.version,
        "pattern": one.pattern,
        "window_days": one.window_days,
        "return_days": one.return_days,
        "commit_by_amount": one.commit_by_amount,
        "state_text": text,
        "colour": colour,
        "is_draft": one.state == "draft",
        "own": one.proposed_by == person,
        "who": one.proposed_name,
        "decided_by": one.decided_name or "",
        "lines": trial.get("lines", 0),
        "before": trial.get("before", 0),
        "after": trial.get("after", 0),
        "first": trial.get("first", ""),
        "last": trial.get("last", ""),
        "kinds": [
            {
                "kind": kind,
                "count": trial.get(kind, 0),
                "samples": [
                    f"/payments/reconciliation/lines/{line}" for line in found.get(kind, [])[:10]
                ],
            }
            for kind in _KINDS
        ],
    }


@router.post("/reconciliation/rules/{account_id}")
def propose(
    request: Request,
    account_id: UUID,
    form: FormDep,
    staff: Worker,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Try rules on history and propose them; refused ones say why."""
    account = _account(session, staff, account_id)
    try:
        first, last = _day(form, "first"), _day(form, "last")
        with session.begin_nested():
            propose_rules(session, account.id, _settings(form), first, last, staff.actor, now)
    except Invalid as problem:
        plain = form.plain()
        values = {"commit_by_amount": ""} | plain
        return _render(request, runtime, session, staff, account, values, faults=problem.fields)
    return RedirectResponse(f"/payments/reconciliation/rules/{account.id}?done=proposed", 303)


@router.post("/reconciliation/rules/{account_id}/{rules_id}")
def decide(
    account_id: UUID,
    rules_id: UUID,
    form: FormDep,
    staff: Decider,
    session: SessionDep,
    now: NowDep,
) -> Response:
    """Put a draft into force, or refuse it."""
    account = _account(session, staff, account_id)
    approve = form.text("decision") == "approve"
    done = "active" if approve else "refused"
    try:
        with session.begin_nested():
            decide_rules(session, account.id, rules_id, staff.actor, now, approve=approve)
    except Forbidden:
        done = "same_person"
    except Conflict:
        done = "decided"
    return RedirectResponse(f"/payments/reconciliation/rules/{account.id}?done={done}", 303)


def _settings(form: Form) -> Settings:
    return Settings(
        0,
        form.text("pattern"),
        _number(form, "window_days"),
        _number(form, "return_days"),
        form.text("commit_by_amount") == "yes",
    )


def _number(form: Form, field: str) -> int:
    text = form.text(field)
    if not (text.isascii() and text.isdigit() and len(text) < 4):  # noqa: PLR2004 - up to 999
        raise Invalid(FieldError(field, "Enter a number of days"))
    return int(text)


def _day(form: Form, field: str) -> date:
    try:
        return date.fromisoformat(form.text(field))
    except ValueError:
        raise Invalid(FieldError(field, "Enter a day")) from None
