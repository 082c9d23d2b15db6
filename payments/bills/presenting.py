"""What the pages of bills show."""

from sqlalchemy.orm import Session

from payments.bills.queries import (
    Bill,
    Event,
    find_import,
    list_events,
    list_requests,
    list_transfers,
)
from payments.bills.wording import (
    EVENT_TEXTS,
    REQUEST_COLOURS,
    REQUEST_TEXTS,
    STATE_COLOURS,
    STATE_TEXTS,
)
from payments.runs.access import Staff
from payments.runs.presenting import Values
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import UPLOADER
from shared.money import format_pounds

HOME = "/payments/bills"


def present_line(bill: Bill) -> Values:
    """Return a line of a table of bills."""
    return {
        "href": f"{HOME}/{bill.reference}",
        "reference": bill.reference,
        "payer": bill.payer_name,
        "amount": format_pounds(bill.amount_pence),
        "due_on": bill.due_on,
        "expires_on": bill.expires_on,
        "state_text": STATE_TEXTS[bill.state],
        "colour": STATE_COLOURS[bill.state],
        "is_rehearsal": bill.is_rehearsal,
    }


def present_bill(session: Session, staff: Staff, bill: Bill) -> Values:
    """Return what the page of one bill shows."""
    paid = next((one for one in list_transfers(session, bill.id) if one.is_accepted), None)
    return {
        "bill": {
            **present_line(bill),
            "programme": bill.programme_name,
            "description": bill.description,
            "institution": paid.institution if paid else "",
            "payment_reference": paid.payment_reference if paid else "",
            "paid_at": paid.received_at if paid else None,
        },
        "requests": [
            {
                "id": one.rtp_id,
                "who": one.institution or one.source,
                "at": one.created_at,
                "state_text": REQUEST_TEXTS[one.state],
                "colour": REQUEST_COLOURS.get(one.state, "grey"),
                "reason": one.reject_reason,
            }
            for one in list_requests(session, bill.id)
        ],
        "can_cancel": may_cancel(staff, bill),
        "history": _history(session, bill),
    }


def may_cancel(staff: Staff, bill: Bill) -> bool:
    """Tell whether this person may cancel this bill now."""
    return staff.has(UPLOADER) and bill.state == "open"


def _history(session: Session, bill: Bill) -> list[Values]:
    """Return what happened to a bill; what came of its file and the clock is written once."""
    events = list_events(session, bill.id)
    file = find_import(session, bill.import_id) if bill.import_id else None
    if file is not None:
        issued = Event(file.made_at, "imported", file.made_by_name, {"reason": file.filename})
        events = [issued, *events]
    if bill.state == "expired":
        events = [*events, Event(bill.state_at, "expired", "", {})]
    return [
        {
            "what": EVENT_TEXTS.get(event.kind, event.kind),
            "who": event.actor_name,
            "at": event.at,
            "notes": _notes(event),
            "payment": "",
            "hash": "",
        }
        for event in events
    ]


def _notes(event: Event) -> list[str]:
    names = ("institution", "payment_reference", "rtp", "reason")
    return [str(event.details[name]) for name in names if event.details.get(name)]


def present_choices(session: Session, staff: Staff) -> Values:
    """Return the programmes a bill can be for."""
    programmes = list_programmes(session, staff.organisation)
    return {"programmes": [{"value": one.slug, "text": one.name} for one in programmes]}


def present_states() -> list[Values]:
    """Return the states that the list can be narrowed to."""
    return [{"value": name, "text": text} for name, text in STATE_TEXTS.items()]
