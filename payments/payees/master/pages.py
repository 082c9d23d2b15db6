"""The console's pages of payees: the list, one payee, likely doubles, the download."""

import re
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from payments.controls.deps import SignInDep, lead_to_step_up
from payments.payees.bank_details import (
    DetailsVault,
    account_fingerprint,
    mask_account_number,
    normalise,
)
from payments.payees.csv_files import write_row
from payments.payees.deps import TablesDep, VaultDep
from payments.payees.master.duplicates import list_shared_accounts, list_similar_names
from payments.payees.master.fresh_sign_in import need_fresh_sign_in
from payments.payees.master.presenting import present_line, present_payee
from payments.payees.master.queries import Payee, list_current, list_payees, open_facts
from payments.payees.master.rules import PAYEE_EDITOR, SEES_DETAILS, SEES_PAYEES
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from shared import audit
from shared.db import Database
from shared.errors import Invalid, Problem
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 25
_STEP = 500
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Sees = Annotated[Staff, Depends(require_role(*SEES_PAYEES))]
SeesDetails = Annotated[Staff, Depends(require_role(*SEES_DETAILS))]
STATES = (
    ("", "All payees"),
    ("active", "In force"),
    ("proposed", "Not confirmed yet"),
    ("cooling", "Cooling off"),
    ("stopped", "Stopped"),
    ("refused", "Refused"),
)
_DONE = {
    "proposed": "The change was proposed. Somebody else has to confirm it.",
    "stopped": "Payments to this payee are stopped.",
    "lifted": "Payments to this payee can go on.",
    "hurried": "The cooling-off was ended.",
    "confirmed": "The change was confirmed.",
    "rejected": "The change was rejected.",
    "withdrawn": "The change was withdrawn.",
    "imported": "The file was taken. Somebody else has to confirm it.",
}
_COLUMNS = (
    *("reference", "name", "account_type", "beneficiary", "sort_code", "account_number"),
    *("roll_number", "iban", "gl_code", "email", "state", "stopped", "details_changed_on"),
)


def done_text(done: str) -> str:
    """Return the sentence that confirms what a person has just done, empty for nothing known."""
    return _DONE.get(done, "")


@router.get("/payees")
def show_payees(
    request: Request,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    tables: TablesDep,
    now: NowDep,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show the body's payees; finds by name, reference, beneficiary, or a whole account."""
    state = state if state in dict(STATES) else ""
    fingerprint = read_account(vault, q)
    found, total = list_payees(
        session,
        staff.organisation,
        words="" if fingerprint else q,
        fingerprint=fingerprint,
        state=state,
        offset=(page - 1) * SIZE,
        limit=SIZE,
    )
    return runtime.pages.render(
        request,
        "payees/payees.html",
        payees=[present_line(one, now) for one in found],
        total=total,
        q=q,
        state=state,
        states=[{"value": value, "text": text} for value, text in STATES],
        pages=present_pages("/payments/payees", {"q": q, "state": state}, page, total, SIZE),
        may_edit=staff.has(PAYEE_EDITOR),
        no_tables=tables.load() is None,
        done=done_text(done),
    )


def read_account(vault: DetailsVault, words: str) -> bytes | None:
    """Return the fingerprint of an account typed as sort code and number, None for other words."""
    digits = re.sub(r"[\s-]", "", words)
    if not re.fullmatch(r"\d{14}", digits, re.ASCII):
        return None
    try:
        return account_fingerprint(vault, normalise(digits[:6], digits[6:]))
    except Invalid:
        return None


@router.get("/payees/duplicates")
def show_duplicates(
    request: Request,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    page: PageNumber = 1,
) -> Response:
    """Show accounts that several payees share, and names that may be one payee's."""
    offset = (page - 1) * SIZE
    shared, certain = list_shared_accounts(session, staff.organisation, offset=offset, limit=SIZE)
    similar, likely = list_similar_names(session, staff.organisation, offset=offset, limit=SIZE)
    total = max(certain, likely)
    return runtime.pages.render(
        request,
        "payees/duplicates.html",
        shared=[[present_line(one, now) for one in group.payees] for group in shared],
        similar=[[present_line(one, now) for one in group.payees] for group in similar],
        certain=certain,
        likely=likely,
        pages=present_pages("/payments/payees/duplicates", {}, page, total, SIZE),
    )


@router.get("/payees/download")
def download_payees(
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    sign_in: SignInDep,
    now: NowDep,
    state: Annotated[str, Query(max_length=20)] = "",
    accounts: Annotated[str, Query(max_length=10)] = "masked",
) -> Response:
    """Give the payees as CSV; accounts whole only to those who may see them, and noted then."""
    state = state if state in dict(STATES) else ""
    whole = accounts == "whole" and staff.has(*SEES_DETAILS)
    if whole:
        try:
            need_fresh_sign_in(session, staff.organisation, sign_in, now)
        except Problem as problem:
            if away := lead_to_step_up(problem, "/payments/payees"):
                return away
            raise
    audit.record(
        session,
        staff.actor,
        "payments.payee.downloaded",
        "payee",
        staff.organisation,
        {"organisation": staff.organisation, "state": state, "full": whole},
    )
    return StreamingResponse(
        _write(runtime.database, vault, staff.organisation, state, full=whole),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="payees.csv"',
            "Cache-Control": "no-store",
        },
    )


def _write(
    database: Database, vault: DetailsVault, organisation: str, state: str, *, full: bool
) -> Iterator[str]:
    yield "\ufeff" + write_row(_COLUMNS)
    offset = 0
    while True:
        with database.transaction() as session:
            found, _ = list_payees(session, organisation, state=state, offset=offset, limit=_STEP)
            current = list_current(session, [one.id for one in found]) if full else {}
        for one in found:
            change = current.get(one.id)
            facts = open_facts(vault, change) if change else None
            details = facts.details if facts else None
            yield write_row(
                (
                    *(one.reference, one.name, one.account_type, one.beneficiary),
                    details.shown_sort_code if details else "",
                    details.account_number if details else mask_account_number(one.account_tail),
                    details.roll_number if details else "",
                    details.iban if details else "",
                    one.gl_code,
                    facts.email if facts else "",
                    one.state,
                    "yes" if one.is_stopped else "no",
                    _day(one),
                )
            )
        if len(found) < _STEP:
            return
        offset += _STEP


def _day(one: Payee) -> str:
    return one.details_changed_at.date().isoformat() if one.details_changed_at else ""


@router.get("/payees/{payee_id:uuid}")
def show_payee(
    request: Request,
    payee_id: UUID,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show one payee with its account masked, its checks and everything that happened to it."""
    values = present_payee(session, vault, staff, payee_id, now, full=False)
    return runtime.pages.render(
        request,
        "payees/payee.html",
        **values,
        sees_details=staff.has(*SEES_DETAILS),
        done=done_text(done),
    )


@router.get("/payees/{payee_id:uuid}/details")
def show_details(
    request: Request,
    payee_id: UUID,
    staff: SeesDetails,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Show one payee with whole bank details; each look is a line of the audit trail."""
    values = present_payee(session, vault, staff, payee_id, now, full=True)
    details = {"organisation": staff.organisation}
    audit.record(session, staff.actor, "payments.payee.details_seen", "payee", payee_id, details)
    return runtime.pages.render(request, "payees/payee.html", **values, sees_details=True, done="")
