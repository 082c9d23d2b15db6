"""Plain values for the pages of schedules."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from payments.runs.access import Staff
from payments.runs.presenting import present_pages
from payments.runs.schedules.actions.history import CHECKERS, MAKERS, STOPPERS
from payments.runs.schedules.queries import (
    Occurrence,
    Schedule,
    ScheduleEvent,
    Version,
    find_version,
    list_done,
    list_events,
    list_occurrences,
    list_planned,
    list_versions,
    terms_of,
)
from payments.runs.schedules.rules import (
    FREQUENCIES,
    OCCURRENCES,
    STATES,
    Upcoming,
    list_upcoming,
)
from payments.runs.wording import RUN_TEXTS
from shared.clock import london_date
from shared.money import format_pounds

Values = dict[str, Any]
PATH = "/payments/schedules"
NEXT_DAYS = 12
PAYMENTS_A_PAGE = 50
COLOURS = {"active": "green", "paused": "orange", "ended": "grey"}
OCCURRENCE_COLOURS = {"made": "green", "skipped": "grey", "missed": "red"}
KINDS = {
    "set_up": "Set up",
    "paused": "Paused",
    "resumed": "Resumed",
    "ended": "Ended",
    "skipped": "A day was left out",
    "missed": "A day was missed",
    "made": "A run was made",
    "change_proposed": "A change was proposed",
    "change_confirmed": "A change was confirmed",
    "change_refused": "A change was refused",
}
VERSION_STATES = {"proposed": "Proposed", "live": "Confirmed", "refused": "Refused"}


def present_upcoming(found: list[Upcoming]) -> list[Values]:
    """Return the wanted days to come, when the money arrives, and why it is another day."""
    return [
        {
            "wanted": one.wanted,
            "entry_day": one.plan.entry_day if one.plan else None,
            "input_day": one.plan.input_day if one.plan else None,
            "reasons": one.plan.reasons if one.plan else (),
            "scottish": (one.plan.scottish_holiday or "") if one.plan else "",
        }
        for one in found
    ]


def present_schedule(
    session: Session, staff: Staff, found: Schedule, now: datetime, page: int = 1
) -> Values:
    """Return everything the page of a schedule shows."""
    done = list_done(session, found.id)
    since = found.next_on or london_date(now)
    upcoming: list[Upcoming] = []
    if found.state != "ended":
        terms = terms_of(session, found)
        upcoming = list_upcoming(found.rhythm, terms, since, done, NEXT_DAYS)
    versions = list_versions(session, found.id)
    current = find_version(session, found.id, since) or versions[-1]
    first = (page - 1) * PAYMENTS_A_PAGE
    planned = list_planned(session, current.id, offset=first, limit=PAYMENTS_A_PAGE)
    path = f"{PATH}/{found.id}"
    return {
        "schedule": {
            "href": path,
            "reference": found.reference,
            "name": found.name,
            "programme": found.programme.name,
            "rhythm": FREQUENCIES[found.rhythm.frequency],
            "rhythm_day": found.rhythm.month_day,
            "starts_on": found.rhythm.starts_on,
            "ends_on": found.rhythm.ends_on,
            "most": found.rhythm.most,
            "days_ahead": found.days_ahead,
            "state": found.state,
            "state_text": STATES[found.state],
            "colour": COLOURS[found.state],
            "state_reason": found.state_reason,
            "look_at": found.look_at,
            "created_by": found.created_by_name,
            "created_at": found.created_at,
            "count": current.payments,
            "total": format_pounds(current.total_pence),
        },
        "upcoming": present_upcoming(upcoming),
        "payments": [
            {
                "href": f"/payments/payees/{one.payee_id}",
                "payee": one.payee_name,
                "payee_reference": one.payee_reference,
                "account": f"••••{one.account_tail}",
                "reference": one.reference,
                "amount": format_pounds(one.amount_pence),
                "is_stopped": one.is_stopped,
            }
            for one in planned
        ],
        "pages": present_pages(path, {}, page, current.payments, PAYMENTS_A_PAGE),
        "occurrences": [_present_day(one) for one in list_occurrences(session, found.id)],
        "missed": [
            {"value": one.wanted_on.isoformat(), "text": _say(one.wanted_on)}
            for one in list_occurrences(session, found.id)
            if one.state == "missed"
        ],
        "skippable": [
            {"value": one.wanted.isoformat(), "text": _say(one.wanted)} for one in upcoming
        ],
        "versions": [_present_version(session, one, staff) for one in versions],
        "history": [_present_event(one) for one in list_events(session, found.id)],
        "can": {
            "make": staff.has(*MAKERS),
            "stop": staff.has(*STOPPERS),
            "check": staff.has(*CHECKERS),
        },
    }


def _present_day(one: Occurrence) -> Values:
    return {
        "wanted": one.wanted_on,
        "state_text": OCCURRENCES[one.state],
        "colour": OCCURRENCE_COLOURS[one.state],
        "reason": one.reason,
        "is_caught_up": one.is_caught_up,
        "by": one.by_name,
        "at": one.at,
        "run_href": f"/payments/runs/{one.run_id}" if one.run_id else "",
        "run": one.run_reference or "",
        "run_state": RUN_TEXTS.get(one.run_state or "", ""),
    }


def _present_version(session: Session, one: Version, staff: Staff) -> Values:
    is_proposed = one.state == "proposed"
    # A proposal is read before it is decided; what was decided is told by its totals.
    planned = list_planned(session, one.id, limit=PAYMENTS_A_PAGE) if is_proposed else []
    return {
        "id": str(one.id),
        "number": one.number,
        "from": one.from_on,
        "state": one.state,
        "state_text": VERSION_STATES[one.state],
        "reason": one.reason,
        "count": one.payments,
        "total": format_pounds(one.total_pence),
        "by": one.proposed_by_name,
        "at": one.proposed_at,
        "decided_by": one.decided_by_name or "",
        "decided_at": one.decided_at,
        "is_own": one.proposed_by_id == staff.person_id,
        "payments": [
            {
                "payee": f"{row.payee_name} ({row.payee_reference})",
                "account": f"••••{row.account_tail}",
                "reference": row.reference,
                "amount": format_pounds(row.amount_pence),
            }
            for row in planned
        ],
        "more": max(0, one.payments - len(planned)) if is_proposed else 0,
    }


def _present_event(one: ScheduleEvent) -> Values:
    details = [str(one.details[name]) for name in ("day", "wanted", "run") if name in one.details]
    return {
        "at": one.at,
        "what": KINDS[one.kind],
        "details": ", ".join(details),
        "reason": str(one.details.get("reason", "")),
        "who": one.actor_name,
    }


def _say(day: date) -> str:
    return f"{day:%-d %B %Y}"
