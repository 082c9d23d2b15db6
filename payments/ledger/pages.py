"""The console's page of balances at a day, as known at an instant."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payments.ledger.balances import trial_balance
from payments.reconciliation.presenting import present_balances
from payments.runs.access import Staff, require_role
from payments.runs.rules import SEES_RUNS
from shared.clock import LONDON, london_date
from shared.web.deps import NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate

router = APIRouter()

Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]


@router.get("/ledger/balances")
def show_balances(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    day: str = "",
    known_at: str = "",
) -> Response:
    """Show the trial balance at the end of a day, as it is known now or was known then."""
    errors = {}
    as_of, known = _read_day(day) if day else london_date(now), _read_instant(known_at)
    if as_of is None:
        errors["day"] = translate("Enter a day as 2026-11-30")
    if known_at and known is None:
        errors["known_at"] = translate("Enter a day and time as 2026-11-30 17:00")
    balances = None
    if not errors and as_of is not None:
        lines = trial_balance(session, staff.organisation, as_of=as_of, known_at=known)
        balances = present_balances(lines)
    return runtime.pages.render(
        request,
        "gl/balances.html",
        status=422 if errors else 200,
        balances=balances,
        day=day or london_date(now).isoformat(),
        known_at=known_at,
        errors=errors,
        error_list=[{"field": name, "message": said} for name, said in errors.items()],
    )


def _read_day(plain: str) -> date | None:
    try:
        return date.fromisoformat(plain.strip())
    except ValueError:
        return None


def _read_instant(plain: str) -> datetime | None:
    try:
        return datetime.strptime(plain.strip(), "%Y-%m-%d %H:%M").replace(tzinfo=LONDON)
    except ValueError:
        return None
