"""Pages of the reconciliation report of an account and day, for the screen, paper and CSV."""

import csv
import io
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.queries import BankAccount, find_bank_account
from payments.reconciliation.presenting import CODES, account_name, amount
from payments.reconciliation.report.actions import digest, prepare_report, sign_report
from payments.reconciliation.report.queries import (
    Report,
    list_metrics,
    list_reasons,
    list_sign_offs,
    make_report,
)
from payments.runs.access import Staff, require_role
from payments.runs.rules import APPROVER, RECONCILER, SEES_RUNS
from shared.clock import london_date
from shared.errors import Conflict, Forbidden, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Signer = Annotated[Staff, Depends(require_role(RECONCILER, APPROVER))]
Worker = Annotated[Staff, Depends(require_role(RECONCILER))]
_DAYS = 14
_DONE = {
    "prepared": "The report is prepared. Another person signs it.",
    "signed": "The report is signed.",
    "refused": "Nothing was changed: the figures differ, or it was signed or prepared meanwhile.",
    "same_person": "You prepared this report. Another person has to sign it.",
}
_WORDS = {
    "balanced": ("Balanced", "green"),
    "explained": ("Explained", "orange"),
    "unexplained": ("Not explained", "red"),
}


def _account(session: SessionDep, staff: Staff, account_id: UUID) -> BankAccount:
    account = find_bank_account(session, account_id)
    if account is None or account.body != staff.organisation:
        raise NotFound("no_such_bank_account", "There is no such bank account")
    return account


def _day(text: str, now: NowDep) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return london_date(now)


@router.get("/reconciliation/accounts/{account_id}")
def show_report(
    request: Request,
    account_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    day: str = "",
    done: str = "",
) -> Response:
    """Show the reconciliation of an account on a day, its proof, sign-off and metrics."""
    account = _account(session, staff, account_id)
    on = _day(day, now)
    report = make_report(session, account, on)
    metrics = list_metrics(session, account.id, on - timedelta(days=_DAYS), on)
    word, colour = _WORDS[report.word]
    return runtime.pages.render(
        request,
        "reconciliation/report.html",
        account={
            "name": account_name(account),
            "href": _href(account.id),
            "rules": f"/payments/reconciliation/rules/{account.id}",
        },
        day=on,
        report=_present(report),
        word=word,
        colour=colour,
        sha256=digest(report).hex(),
        metrics=[
            {
                "day": one.day,
                "lines": one.lines,
                "automatic": one.automatic,
                "percent": one.automatic_percent,
                "undone": one.undone,
                "undone_percent": one.undone_percent,
                "open": one.open_lines,
                "value": amount(one.open_pence),
            }
            for one in metrics
        ],
        reasons=[
            {"text": CODES[code], "lines": lines, "value": amount(pence), "age": age}
            for code, lines, pence, age in list_reasons(session, account.id, on)
        ],
        sign_offs=[
            {
                "id": str(one.id),
                "day": one.day,
                "state": one.state,
                "sha256": one.sha256.hex()[:16],
                "prepared": f"{one.prepared_name}",
                "signed": one.signed_name or "",
                "own": one.prepared_by == staff.person_id,
            }
            for one in list_sign_offs(session, account.id)
        ],
        may_prepare=staff.has(RECONCILER),
        may_sign=staff.has(RECONCILER, APPROVER),
        done=_DONE.get(done, ""),
    )


def _href(account_id: UUID) -> str:
    return f"/payments/reconciliation/accounts/{account_id}"


def _present(report: Report) -> dict[str, object]:
    return {
        "ledger": amount(report.ledger_pence),
        "transit": amount(report.in_transit_pence),
        "after_transit": amount(report.after_transit_pence),
        "suspense": amount(report.suspense_pence),
        "open_lines": report.open_lines,
        "open": amount(report.open_pence),
        "bank": amount(report.bank_pence),
        "bank_day": report.bank_day,
        "difference": amount(report.difference_pence),
        "proves": report.proves,
        "in_transit": [
            {
                "serial": one.serial,
                "href": f"/payments/runs/{one.run_id}",
                "day": one.processing_day,
                "amount": amount(one.pence),
                "age": one.age_days,
            }
            for one in report.in_transit
        ],
    }


@router.get("/reconciliation/accounts/{account_id}/report.csv")
def download_report(
    account_id: UUID, staff: Reader, session: SessionDep, now: NowDep, day: str = ""
) -> Response:
    """Give the report as CSV: pounds, the same figures byte for byte as the page."""
    account = _account(session, staff, account_id)
    report = make_report(session, account, _day(day, now))
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["account", "day", "figure", "reference", "pounds"])

    def row(figure: str, pence: int | None, reference: str = "") -> None:
        pounds = (
            ""
            if pence is None
            else f"{'-' if pence < 0 else ''}{abs(pence) // 100}.{abs(pence) % 100:02d}"
        )
        rows.writerow([account.code, report.day.isoformat(), figure, reference, pounds])

    row("ledger balance", report.ledger_pence)
    for one in report.in_transit:
        row("in transit", -one.pence, one.serial)
    row("ledger less in transit", report.after_transit_pence)
    row("of the ledger in suspense", report.suspense_pence)
    row("bank balance", report.bank_pence)
    row("difference", report.difference_pence)
    name = f"reconciliation-{account.code}-{report.day.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/reconciliation/accounts/{account_id}/prepare")
def prepare(
    account_id: UUID, form: FormDep, staff: Worker, session: SessionDep, now: NowDep
) -> Response:
    """Keep the figures of the day for another person to sign."""
    account = _account(session, staff, account_id)
    on = _day(form.text("day"), now)
    done = "prepared"
    try:
        with session.begin_nested():
            prepare_report(session, account, on, staff.actor, now)
    except Conflict:
        done = "refused"
    return RedirectResponse(f"{_href(account.id)}?day={on}&done={done}", 303)


@router.post("/reconciliation/accounts/{account_id}/sign")
def sign(
    account_id: UUID, form: FormDep, staff: Signer, session: SessionDep, now: NowDep
) -> Response:
    """Sign what another person prepared."""
    account = _account(session, staff, account_id)
    done = "signed"
    try:
        with session.begin_nested():
            sign_report(session, account, UUID(form.text("sign_off")), staff.actor, now)
    except ValueError as error:
        raise NotFound("no_such_report", "There is no such report") from error
    except Forbidden:
        done = "same_person"
    except Conflict:
        done = "refused"
    on = _day(form.text("day"), now)
    return RedirectResponse(f"{_href(account.id)}?day={on}&done={done}", 303)
