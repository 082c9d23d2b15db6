"""The console's pages of statements, exceptions, their proof, and the ledger."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from payments.ledger.queries import (
    account_statement,
    find_entry,
    list_entries_of,
    list_recent_entries,
    trial_balance,
)
from payments.payees.deps import VaultDep
from payments.reconciliation.importing.pages import IMPORTERS
from payments.reconciliation.presenting import (
    present_balances,
    present_entry,
    present_line,
    present_proof,
    present_statement,
)
from payments.reconciliation.queries import (
    count_exceptions,
    find_statement,
    list_lines,
    list_statements,
    prove,
)
from payments.reconciliation.work.presenting import present_proposal
from payments.reconciliation.work.queries import list_statement_proposals
from payments.runs.access import Staff, require_role
from payments.runs.rules import RECONCILER, SEES_RUNS
from shared.errors import NotFound
from shared.web.deps import RuntimeDep, SessionDep

router = APIRouter()

Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
SIZE = 100
_DONE = {
    "imported": "The statement was imported and reconciled.",
    "replay": "This file was imported before. Nothing was changed.",
    "proposed": "A second person decides about this statement now.",
    "reason_missing": "Enter a reason and choose what is to be done. Nothing was changed.",
    "not_possible": "This is not possible any more. Nothing was changed.",
}


@router.get("/reconciliation")
def show_reconciliation(
    request: Request, staff: Reader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show whether bank, ledger and submissions agree, and the statements behind it."""
    body = staff.organisation
    return runtime.pages.render(
        request,
        "reconciliation/overview.html",
        proof=present_proof(prove(session, body)),
        statements=[present_statement(one) for one in list_statements(session, body)],
        exceptions=sum(count_exceptions(session, body).values()),
        may_import=staff.has(*IMPORTERS),
    )


@router.get("/reconciliation/statements/{statement_id}")
def show_statement(
    request: Request,
    statement_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show a statement line by line, with what explains each."""
    statement = find_statement(session, staff.organisation, statement_id)
    if statement is None:
        raise NotFound("no_such_statement", "There is no such statement")
    lines = list_lines(session, vault, statement_id, limit=SIZE, skip=(page - 1) * SIZE)
    return runtime.pages.render(
        request,
        "reconciliation/statement.html",
        statement=present_statement(statement),
        lines=[present_line(one) for one in lines],
        page=page,
        last_page=max(1, -(-statement.line_count // SIZE)),
        done=_DONE.get(done, ""),
        proposals=[
            present_proposal(one) for one in list_statement_proposals(session, statement_id)
        ],
        may_work=staff.has(RECONCILER),
    )


@router.get("/ledger")
def show_ledger(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    event: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the trial balance and the entries, all or those of one payment, run or submission."""
    body = staff.organisation
    if event:
        entries = list_entries_of(session, body, event.strip()[:100])
    else:
        entries = list_recent_entries(session, body, limit=SIZE, skip=(page - 1) * SIZE)
    return runtime.pages.render(
        request,
        "reconciliation/ledger.html",
        balances=present_balances(trial_balance(session, body)),
        entries=[present_entry(one) for one in entries],
        event=event,
        page=page,
        has_more=not event and len(entries) == SIZE,
    )


@router.get("/ledger/accounts/{code}")
def show_account(
    request: Request,
    code: str,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    page: PageNumber = 1,
) -> Response:
    """Show the entries that touch an account."""
    body = staff.organisation
    held = [line for line in trial_balance(session, body) if line.code == code]
    if not held:
        raise NotFound("no_such_account", "There is no such account")
    entries = account_statement(session, body, code, limit=SIZE, skip=(page - 1) * SIZE)
    return runtime.pages.render(
        request,
        "reconciliation/account.html",
        code=code,
        balance=present_balances(held),
        entries=[present_entry(one) for one in entries],
        page=page,
        has_more=len(entries) == SIZE,
    )


@router.get("/ledger/entries/{entry_id}")
def show_entry(
    request: Request, entry_id: UUID, staff: Reader, session: SessionDep, runtime: RuntimeDep
) -> Response:
    """Show one entry with its postings."""
    entry = find_entry(session, staff.organisation, entry_id)
    if entry is None:
        raise NotFound("no_such_entry", "There is no such entry")
    return runtime.pages.render(request, "reconciliation/entry.html", entry=present_entry(entry))
