"""The page that finds any payment, and its CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from payments.payees.bank_details import (
    DetailsVault,
    account_fingerprint,
    mask_account_number,
    normalise,
)
from payments.payees.csv_files import write_row
from payments.payees.deps import VaultDep
from payments.reports.search.queries import LATEST, describe, find_payments, list_extras
from payments.reports.search.rules import Filters, Meanings, link_query, read_words
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_payment_line
from payments.runs.queries.payments import Payment
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import SEES_RUNS, WORDS
from payments.runs.wording import STATE_TEXTS
from shared import audit
from shared.errors import FieldError, Invalid
from shared.money import format_pounds, parse_pounds
from shared.web.deps import RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
SIZE = 50
_BATCH = 2_000
_HEAD = (
    "payment_id",
    "reference",
    "state",
    "word",
    "payee",
    "account",
    "amount_pounds",
    "currency",
    "case",
    "invoice",
    "gl_code",
    "run",
    "received_utc",
    "state_since_utc",
    "reason_code",
)


@dataclass(frozen=True)
class _Asked:
    """The query as typed; a wrong day or amount is said on the page."""

    q: str = Query("", max_length=200)
    state: str = Query("", max_length=30)
    programme: str = Query("", max_length=63)
    from_: str = Query("", max_length=10, alias="from")
    to: str = Query("", max_length=10)
    lowest: str = Query("", max_length=20)
    highest: str = Query("", max_length=20)

    @property
    def plain(self) -> dict[str, str]:
        """The query as the form and links carry it."""
        return {
            "q": self.q.strip(),
            "state": self.state,
            "programme": self.programme,
            "from": self.from_,
            "to": self.to,
            "lowest": self.lowest,
            "highest": self.highest,
        }


Asked = Annotated[_Asked, Depends()]


@router.get("/search")
def show_search(
    request: Request,
    asked: Asked,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    before: UUID | None = None,
) -> Response:
    """Find payments by anything that is known of them; the newest first, page by page."""
    given = asked.plain
    found: list[Payment] = []
    errors: dict[str, str] = {}
    if any(given.values()):
        try:
            filters = _filters(asked)
            found = find_payments(
                session,
                staff.organisation,
                _meanings(asked),
                _fingerprint(vault, asked.q),
                filters,
                before=before or LATEST,
                limit=SIZE + 1,
            )
        except Invalid as invalid:
            errors = {fault.field: fault.message for fault in invalid.fields}
    more = len(found) > SIZE
    found = found[:SIZE]
    return runtime.pages.render(
        request,
        "reports/search.html",
        status=422 if errors else 200,
        given=given,
        searched=any(given.values()) and not errors,
        too_short=bool(asked.q.strip()) and read_words(asked.q).nothing,
        payments=[present_payment_line(payment) for payment in found],
        older=link_query({**given, "before": str(found[-1].id)}) if more else "",
        is_first=before is None,
        download=link_query(given),
        states=[{"value": name, "text": text} for name, text in STATE_TEXTS.items()],
        programmes=[
            {"value": one.slug, "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        errors=errors,
        error_list=[{"field": field, "message": text} for field, text in errors.items()],
    )


@router.get("/search.csv")
def download(
    asked: Asked, staff: Viewer, session: SessionDep, runtime: RuntimeDep, vault: VaultDep
) -> Response:
    """Stream what a search finds as CSV: accounts masked, formulas disarmed, noted in the audit."""
    filters, meanings = _filters(asked), _meanings(asked)
    fingerprint = _fingerprint(vault, asked.q)
    noted = describe(filters, asked.q.strip(), meanings)
    audit.record(
        session, staff.actor, "payments.search.downloaded", "body", staff.organisation, noted
    )
    lines = _lines(runtime, staff.organisation, meanings, fingerprint, filters)
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="payments.csv"'},
    )


def _lines(
    runtime: Runtime,
    organisation: str,
    meanings: Meanings | None,
    fingerprint: bytes | None,
    filters: Filters,
) -> Iterator[str]:
    """Yield the lines, a batch and a short transaction at a time, however many there are."""
    yield write_row(_HEAD)
    before = LATEST
    while True:
        with runtime.database.transaction() as session:
            found = find_payments(
                session,
                organisation,
                meanings,
                fingerprint,
                filters,
                before=before,
                limit=_BATCH,
            )
            extras = list_extras(session, [payment.id for payment in found])
        if found:
            yield "".join(write_row(_cells(payment, *extras[payment.id])) for payment in found)
            before = found[-1].id
        if len(found) < _BATCH:
            return


def _cells(payment: Payment, invoice: str, gl_code: str) -> tuple[object, ...]:
    return (
        payment.public_id,
        payment.reference,
        payment.state,
        WORDS.get(payment.state, ""),
        payment.payee_name,
        mask_account_number(payment.account_tail),
        format_pounds(payment.amount_pence).removeprefix("£").replace(",", ""),
        payment.currency,
        payment.case_reference,
        invoice,
        gl_code,
        payment.run_reference,
        payment.created_at.isoformat(timespec="seconds"),
        payment.state_at.isoformat(timespec="seconds"),
        payment.reason_code,
    )


def _meanings(asked: _Asked) -> Meanings | None:
    return read_words(asked.q) if asked.q.strip() else None


def _fingerprint(vault: DetailsVault, words: str) -> bytes | None:
    digits = read_words(words).account_digits
    if not digits:
        return None
    try:
        return account_fingerprint(vault, normalise(digits[:6], digits[6:]))
    except Invalid:
        return None


def _filters(asked: _Asked) -> Filters:
    """Return the filters; refuses days and amounts that are none."""
    faults: list[FieldError] = []

    def day(field: str, text: str) -> date | None:
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            faults.append(FieldError(field, "Enter a day, such as 2026-11-22"))
            return None

    def amount(field: str, text: str) -> int | None:
        try:
            return parse_pounds(text) if text else None
        except ValueError:
            faults.append(FieldError(field, "Enter an amount in pounds, like 300.00"))
            return None

    filters = Filters(
        (asked.state,) if asked.state in STATE_TEXTS else (),
        asked.programme,
        day("from", asked.from_),
        day("to", asked.to),
        amount("lowest", asked.lowest),
        amount("highest", asked.highest),
    )
    if faults:
        raise Invalid(*faults)
    return filters
