"""Plain values for the pages of work."""

from datetime import date, datetime
from typing import Any

from payments.bank.work.queries import WorkItem, WorkNote
from payments.bank.work.rules import ACTION_TEXTS, KIND_TEXTS
from shared.clock import london_date
from shared.money import format_pounds

# What a template gets: texts, numbers, days and lists of them.
Values = dict[str, Any]
_NOTE_TEXTS = {
    "note": "Note",
    "assigned": "Taken on",
    "done": "Done",
    "proposed": "Change of the payee proposed",
}


def present_item(item: WorkItem, now: datetime) -> Values:
    """Return a work item as a line and as a page."""
    today = london_date(now)
    return {
        "href": f"/payments/work/{item.id}",
        "what": KIND_TEXTS.get(item.kind, item.kind),
        "action": ACTION_TEXTS.get(item.action, item.action),
        "code": item.code,
        "reason": item.reason,
        "amount": format_pounds(item.amount_pence) if item.amount_pence else "",
        "due_on": item.due_on,
        "is_late": item.state == "open" and item.due_on < today,
        "age_days": _age(item, today),
        "owner": item.owner_name,
        "is_open": item.state == "open",
        "result": item.result,
        "created_at": item.created_at,
        "closed_at": item.closed_at,
        "closed_by": item.closed_by_name,
        "payment_href": f"/payments/payments/{item.payment_public_id}"
        if item.payment_public_id
        else "",
        "payment": item.payment_reference or "",
        "payee": item.payee_name or "",
        "submission_href": f"/payments/submissions/{item.submission_id}"
        if item.submission_id
        else "",
        "serial": item.serial or "",
        "report_href": f"/payments/bank/reports/{item.report_id}" if item.report_id else "",
        "has_new_details": item.private_sealed is not None,
    }


def present_note(note: WorkNote) -> Values:
    """Return a line of what people did."""
    return {
        "what": _NOTE_TEXTS.get(note.kind, note.kind),
        "at": note.at,
        "who": note.person_name,
        "text": note.text if note.kind != "assigned" else "",
    }


def _age(item: WorkItem, today: date) -> int:
    until = today if item.closed_at is None else london_date(item.closed_at)
    return max(0, (until - london_date(item.created_at)).days)
