"""Plain values for the page of the day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from payments.bank.calendar import (
    entry_day_for,
    is_processing_day,
    next_processing_day,
    scottish_holiday,
    why_closed,
)
from payments.controls.days import first_input_day
from payments.controls.queries.days import list_closing_days, list_cut_offs
from payments.reports.charts import Point, draw_bars
from payments.reports.today.queries import (
    Day,
    Waiting,
    count_holds,
    count_waiting,
    list_days_out,
    list_last_statements,
)
from payments.runs.access import Staff
from payments.runs.rules import (
    ADMINISTRATOR,
    APPROVER,
    AUDITOR,
    PAYEE_APPROVER,
    RECONCILER,
    RELEASER,
    UPLOADER,
)
from shared.clock import LONDON, london_date
from shared.money import format_pounds

Values = dict[str, Any]

# What waits, for whom, in words, and where it is done.
_TASKS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("to_approve", (APPROVER,), "Runs to approve", "/payments/runs?state=awaiting_approval"),
    ("to_release", (RELEASER,), "Runs to release", "/payments/runs?state=approved"),
    ("to_put_forward", (UPLOADER,), "Runs to put forward", "/payments/runs?state=collecting"),
    ("to_correct", (UPLOADER,), "Runs to correct", "/payments/runs?state=correcting"),
    (
        "payees_to_confirm",
        (PAYEE_APPROVER,),
        "Changes of payees to confirm",
        "/payments/payees/changes",
    ),
    (
        "exceptions",
        (RECONCILER, UPLOADER, APPROVER),
        "Bank lines to look at",
        "/payments/reconciliation/exceptions",
    ),
    ("stopped_webhooks", (ADMINISTRATOR,), "Webhooks that were stopped", "/payments/webhooks"),
)


def present_picture(session: Session, staff: Staff, now: datetime) -> Values:
    """Return what the day's page shows beside the runs: tasks, chart, returns, days, holds."""
    body, today = staff.organisation, london_date(now)
    days = list_days_out(session, body, today)
    holds = count_holds(session, body, now)
    return {
        "tasks": _tasks(staff, count_waiting(session, body)),
        "chart": draw_bars([_point(day) for day in days]),
        "returns": _returns(days),
        "calendar": present_days(today),
        "cut_off": _cut_off(session, body, now),
        "holds": {
            "count": holds.payments,
            "total": format_pounds(holds.pence),
            "week": holds.older_than_week,
            "month": holds.older_than_month,
            "oldest": holds.oldest,
        },
        "statements": [
            {
                "account": one.account,
                "day": one.to_date,
                "is_matched": one.state == "reconciled",
                "age": (today - one.to_date).days if one.to_date else None,
                "closing": "" if one.closing_pence is None else format_pounds(one.closing_pence),
            }
            for one in list_last_statements(session, body)
        ],
    }


def _tasks(staff: Staff, waiting: Waiting) -> list[Values]:
    """Return what waits for this person; an auditor sees what waits for anybody."""
    return [
        {"text": words, "count": getattr(waiting, name), "href": href}
        for name, roles, words, href in _TASKS
        if getattr(waiting, name) and staff.has(AUDITOR, *roles)
    ]


def _point(day: Day) -> Point:
    label = day.day.strftime("%a %-d %b")
    return Point(label, day.pence, format_pounds(day.pence), str(day.payments))


def _returns(days: Sequence[Day]) -> Values:
    sent = sum(day.payments for day in days)
    back = sum(day.returned for day in days)
    rate = f"{100 * back / sent:.2f} %" if sent else ""
    return {"sent": sent, "count": back, "rate": rate}


def _cut_off(session: Session, body: str, now: datetime) -> Values:
    """Return until when a run can still be sent by Bacs, and how long that is from now."""
    until = list_cut_offs(session, body)["bacs"]
    closings = {one.day for one in list_closing_days(session, body, london_date(now))}
    try:
        day, _ = first_input_day(now, closings, until)
    except ValueError:
        return {}
    if until is None:
        return {"day": day, "until": "", "left": ""}
    minutes = int((datetime.combine(day, until, LONDON) - now).total_seconds()) // 60
    left = f"{minutes // 60}:{minutes % 60:02d}" if day == london_date(now) else ""
    return {"day": day, "until": until.strftime("%H:%M"), "left": left}


def present_days(today: date) -> Values:
    """Return whether Bacs works today, the next day it does, and when money of then arrives.

    Where the calendar does not know the year yet, nothing is said.
    """
    try:
        following = next_processing_day(today)
        return {
            "works_today": is_processing_day(today),
            "why_closed": why_closed(today) or "",
            "next": following,
            "arrives": entry_day_for(following),
            "scottish": scottish_holiday(today) or "",
        }
    except ValueError:
        return {}
