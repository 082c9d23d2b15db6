"""The page of what is awaited at the bank, by age, and the body's number of days."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from payments.reconciliation.awaited.actions import set_unmatched_days, take_late
from payments.reconciliation.awaited.queries import (
    Awaited,
    count_by_age,
    get_unmatched_days,
    list_awaited,
)
from payments.reconciliation.awaited.rules import Age, count_days
from payments.reconciliation.presenting import amount
from payments.reports.charts import Point, draw_bars
from payments.runs.access import Staff, require_role
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER, SEES_RUNS
from shared.clock import london_date
from shared.errors import Conflict, Invalid
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate

router = APIRouter()
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
SeesSetting = Annotated[Staff, Depends(require_role(ADMINISTRATOR, AUDITOR))]
Worker = Annotated[Staff, Depends(require_role(RECONCILER))]
Keeper = Annotated[Staff, Depends(require_role(ADMINISTRATOR))]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
SIZE = 50
_DONE = {
    "taken": "It is yours.",
    "gone": "It is not late any more. Nothing was changed.",
}
SETTING = "/payments/settings/awaited"


@router.get("/reconciliation/awaited")
def show_awaited(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show what the bank took over and no statement shows, the oldest first."""
    today, body = london_date(now), staff.organisation
    found = list_awaited(session, body, today, limit=SIZE + 1, skip=(page - 1) * SIZE)
    return runtime.pages.render(
        request,
        "reconciliation/awaited.html",
        chart=draw_bars([_point(one) for one in count_by_age(session, body, today)]),
        rows=[_present(one) | {"age": count_days(one.due_on, today)} for one in found[:SIZE]],
        days=get_unmatched_days(session, body),
        page=page,
        has_more=len(found) > SIZE,
        may_work=staff.has(RECONCILER),
        done=_DONE.get(done, ""),
    )


@router.post("/reconciliation/awaited/{target_id}")
def take(target_id: UUID, staff: Worker, session: SessionDep) -> Response:
    """Take on what is late; what is late no more is nobody's."""
    done = "taken"
    try:
        with session.begin_nested():
            take_late(session, target_id, staff.actor)
    except Conflict:
        done = "gone"
    return RedirectResponse(f"/payments/reconciliation/awaited?done={done}", 303)


def _point(one: Age) -> Point:
    if one.last is None:
        label = translate("more than %(days)s days") % {"days": one.first - 1}
    else:
        label = translate("%(first)s to %(last)s days") % {"first": one.first, "last": one.last}
    return Point(label, one.pence, amount(one.pence), str(one.lines))


def _present(one: Awaited) -> dict[str, object]:
    return {
        "serial": one.serial,
        "reference": one.reference,
        "is_file": one.payment_id is None,
        "payments": one.payments,
        "href": f"/payments/payments/{one.public_id}"
        if one.public_id
        else f"/payments/runs/{one.run_id}",
        "account": one.account_code,
        "due": one.due_on,
        "amount": amount(one.pence),
        "is_late": one.is_late,
        "id": str(one.target_id),
        "owner": one.owner,
    }


@router.get("/settings/awaited")
def show_days(
    request: Request, staff: SeesSetting, session: SessionDep, runtime: RuntimeDep, done: str = ""
) -> Response:
    """Show after how many working days a payment without its line is an exception."""
    return runtime.pages.render(
        request,
        "reconciliation/awaited_days.html",
        days=str(get_unmatched_days(session, staff.organisation)),
        may_change=staff.has(ADMINISTRATOR),
        done=done == "saved",
    )


@router.post("/settings/awaited")
def change_days(
    request: Request,
    form: FormDep,
    staff: Keeper,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Set the number of days; a refusal shows the page again."""
    typed = form.text("days")
    try:
        set_unmatched_days(session, _number(typed), staff.actor, now)
    except Invalid as problem:
        return runtime.pages.render(
            request,
            "reconciliation/awaited_days.html",
            problem=problem,
            days=typed,
            may_change=True,
            done=False,
        )
    return RedirectResponse(f"{SETTING}?done=saved", 303)


def _number(typed: str) -> int:
    """Return a typed number; what is none is out of bounds."""
    return int(typed) if re.fullmatch(r"[0-9]{1,3}", typed) else 0
