"""The month-end pack: choose a month, take one file."""

from collections.abc import Iterator
from datetime import date, timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import text
from starlette.responses import Response, StreamingResponse

from payments.payees.deps import settings_of
from payments.reports.month_end.pack import write_pack
from payments.reports.month_end.queries import list_sheets
from payments.reports.prompt_payment.rules import months_back
from payments.runs.access import Staff, require_role
from payments.runs.rules import APPROVER, AUDITOR, RECONCILER, RELEASER, UPLOADER
from payments.settings import PaymentsSettings
from shared import audit
from shared.clock import london_date
from shared.errors import FieldError, Invalid
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()

Taker = Annotated[Staff, Depends(require_role(UPLOADER, APPROVER, RELEASER, RECONCILER, AUDITOR))]
SettingsDep = Annotated[PaymentsSettings, Depends(settings_of)]
_MONTHS = 24
_IN_MEMORY = 8 * 1024 * 1024
_CHUNK = 256 * 1024


@router.get("/reports/month-end")
def show_months(request: Request, _staff: Taker, runtime: RuntimeDep, now: NowDep) -> Response:
    """List the months whose pack can be taken, the newest first."""
    months = [
        {"value": month.isoformat()[:7], "first": month}
        for month in reversed(months_back(london_date(now), _MONTHS))
    ]
    return runtime.pages.render(request, "reports/month_end.html", months=months)


@router.get("/reports/month-end.zip")
def download_pack(
    staff: Taker,
    session: SessionDep,
    runtime: RuntimeDep,
    settings: SettingsDep,
    now: NowDep,
    month: Annotated[str, Query(max_length=7)],
) -> Response:
    """Make the pack of a month as the facts are now; noted in the audit with its manifest."""
    first, last = _days(month, london_date(now))
    target: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by what sends it
    facts = {
        "organisation": staff.organisation,
        "month": month,
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "note": "Amounts are pence. Lists of open items are as known when the pack was made.",
    }
    with runtime.database.transaction() as reading:
        # One picture of all tables, however long the reading takes.
        reading.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        sheets = list_sheets(
            reading, staff.organisation, first, last, settings.prompt_payment_calendar
        )
        manifest = write_pack(target, sheets, facts)
    audit.record(
        session,
        staff.actor,
        "payments.month_end.taken",
        "body",
        staff.organisation,
        {"month": month, "manifest_sha256": manifest},
    )
    return StreamingResponse(
        _chunks(target),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="month-end-{month}.zip"'},
    )


def _days(month: str, today: date) -> tuple[date, date]:
    """Return the first and last day of a month that has begun; refuses anything else."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise Invalid(FieldError("month", "Enter a month, such as 2026-11")) from error
    if first > today:
        raise Invalid(FieldError("month", "That month has not begun"))
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    with source:
        source.seek(0)
        while chunk := source.read(_CHUNK):
            yield chunk
