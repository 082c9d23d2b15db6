"""The list of holds that people let go, for auditors and those who approve."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from payments.payees.csv_files import write_row
from payments.payees.overrides.queries import Override, list_codes, list_overrides
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from shared import audit
from shared.db import Database
from shared.money import format_pounds
from shared.web.deps import RuntimeDep, SessionDep

router = APIRouter()

SIZE = 50
_STEP = 500
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Word = Annotated[str, Query(max_length=40, pattern=r"^[a-z_]*$")]
Sees = Annotated[
    Staff, Depends(require_role("payments.auditor", "payments.approver", "payments.payee_approver"))
]
_COLUMNS = (
    *("decided_at", "payment", "amount", "hold", "why_held", "name_check", "policy_version"),
    *("reason", "person", "person_id"),
)


@router.get("/payees/overrides")
def show_overrides(
    request: Request,
    staff: Sees,
    session: SessionDep,
    runtime: RuntimeDep,
    hold: Word = "",
    page: PageNumber = 1,
) -> Response:
    """Show who let which held payment go, and why, newest first."""
    found, total = list_overrides(
        session, staff.organisation, hold_code=hold, offset=(page - 1) * SIZE, limit=SIZE
    )
    return runtime.pages.render(
        request,
        "payees/overrides.html",
        overrides=[
            {**one.__dict__, "amount": format_pounds(one.amount_pence), "check": _check(one)}
            for one in found
        ],
        total=total,
        hold=hold,
        codes=[
            {"value": code, "text": code.replace("_", " ")}
            for code in list_codes(session, staff.organisation)
        ],
        pages=present_pages("/payments/payees/overrides", {"hold": hold}, page, total, SIZE),
    )


def _check(one: Override) -> str:
    if one.outcome is None:
        return ""
    code = f" ({one.reason_code})" if one.reason_code else ""
    return f"{one.outcome.replace('_', ' ')}{code}"


@router.get("/payees/overrides/download")
def download_overrides(
    staff: Sees, session: SessionDep, runtime: RuntimeDep, hold: Word = ""
) -> Response:
    """Give the decisions as CSV."""
    details = {"organisation": staff.organisation, "hold": hold}
    audit.record(
        session,
        staff.actor,
        "payments.hold_override.downloaded",
        "hold_override",
        staff.organisation,
        details,
    )
    return StreamingResponse(
        _write(runtime.database, staff.organisation, hold),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="overrides.csv"',
            "Cache-Control": "no-store",
        },
    )


def _write(database: Database, organisation: str, hold: str) -> Iterator[str]:
    yield "\ufeff" + write_row(_COLUMNS)
    offset = 0
    while True:
        with database.transaction() as session:
            found, _ = list_overrides(
                session, organisation, hold_code=hold, offset=offset, limit=_STEP
            )
        for one in found:
            yield write_row(
                (
                    one.decided_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    one.payment_reference,
                    f"{one.amount_pence // 100}.{one.amount_pence % 100:02d}",
                    *(one.hold_code, one.hold_reason, _check(one), one.policy_version),
                    *(one.reason, one.person_name, one.person_id),
                )
            )
        if len(found) < _STEP:
            return
        offset += _STEP
