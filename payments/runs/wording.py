"""How states and events read: for the people who are paid, and for those who pay."""

from collections.abc import Iterable
from datetime import datetime

from payments.runs.queries.payments import Event

STATE_TEXTS: dict[str, str] = {
    "received": "Received",
    "invalid": "Not valid",
    "validated": "Checked",
    "held": "Held",
    "ready": "Ready",
    "awaiting_approval": "Waiting for approval",
    "approved": "Approved",
    "released": "Released to the bank",
    "submitted": "Sent to the Bacs network",
    "accepted": "Accepted by Bacs",
    "scheme_rejected": "Rejected by Bacs",
    "paid": "Paid",
    "returned": "Returned",
    "rejected": "Rejected by the approver",
    "recalled": "Recalled",
    "cancelled": "Removed",
}
STATE_COLOURS: dict[str, str] = {
    "held": "orange",
    "invalid": "red",
    "awaiting_approval": "yellow",
    "approved": "blue",
    "released": "blue",
    "submitted": "purple",
    "accepted": "purple",
    "paid": "green",
    "scheme_rejected": "red",
    "returned": "red",
    "rejected": "orange",
    "recalled": "grey",
    "cancelled": "grey",
}
RUN_TEXTS: dict[str, str] = {
    "preparing": "Being prepared",
    "collecting": "Collecting payments",
    "correcting": "Being corrected",
    "putting_forward": "Being put forward",
    "awaiting_approval": "Waiting for approval",
    "approving": "Being booked",
    "approved": "Approved",
    "released": "Approved, on its way to the bank",
    "submitted": "Sent to the Bacs network",
    "closed": "Finished",
    "cancelled": "Cancelled",
}
RUN_COLOURS: dict[str, str] = {
    "correcting": "orange",
    "awaiting_approval": "yellow",
    "approved": "blue",
    "released": "blue",
    "submitted": "purple",
    "closed": "green",
}
WORK_TEXTS: dict[str, str] = {
    "put_forward": "Fixing the content of each payment",
    "approve": "Booking the approved payments",
    "reject": "Sending the payments back",
    "release": "Releasing the payments to the bank",
    "send_back": "Sending the payments back and reversing what was booked",
    "recall": "Recalling the payments",
}
BANK_TEXTS: dict[str, str] = {
    "prepared": "The file is being made",
    "sealed": "The file is sealed and waits to be sent",
    "sending": "The file is being sent",
    "unknown": "Outcome unknown, being checked",
    "abandoned": "The file was never sent",
    "acknowledged": "The bank has taken the file over",
    "refused": "The bank refused the file",
    "reported": "Bacs has reported on the file",
    "settled": "The debit is on the bank statement",
}
_FOR_STAFF: dict[str, str] = {
    "opened": "Run opened",
    "filled": "Filled with the payments of a file",
    "cancelled": "Cancelled",
    "put_forward": "Put forward for approval",
    "content_fixed": "Content fixed: waiting for approval",
    "signed": "Signed by one approver",
    "approved": "Approved",
    "rejected": "Rejected",
    "released": "Released to the bank",
    "day_set": "Day of payment set",
    "scheduled": "Waits for its input day",
    "hold_placed": "Held by a person",
    "hold_lifted": "Hold lifted",
    "recalled": "Recalled before it went to the bank",
    "payments_recalled": "Payments were recalled; a new file leaves them out",
    "release_stopped": "Not released: a person has to look",
    "sent_back": "Sent back: approvals are void",
    "submitted": "Sent to the Bacs network",
    "closed": "All payments of the run are finished",
    "received": "Payment received",
    "validated": "Bank details and amount checked",
    "ready": "Ready to be paid",
    "held": "Held",
    "carried_over": "Moved to the next run, because it is held",
    "edited": "Payment corrected",
    "removed": "Payment removed from the run",
    "hold_released": "Hold released by a person",
    "accepted": "Accepted by Bacs",
    "paid": "Paid: seen on the bank statement",
    "unpaid": "Not paid after all: the match with the bank statement was taken back",
    "reopened": "Open again: payments wait for their debit on the bank statement",
    "returned": "Returned by the payee's bank",
    "refused": "The bank refused the whole file",
    "contradicted": "The bank's answer contradicts the payment: a person has to look",
}
# Services that act by themselves, as people know them.
SERVICES: dict[str, str] = {"gateway-service": "Journeys (gateway)"}
_OF_PAYMENT = {"rejected": "Rejected by Bacs"}
_FOR_CITIZENS: dict[str, str] = {
    "received": "Payment ordered",
    "held": "Payment is being looked at",
    "approved": "Payment approved",
    "submitted": "Payment sent to the Bacs network",
    "paid": "Payment made",
    "removed": "Payment cancelled",
}


def capital(words: str) -> str:
    """Return words with a capital first letter, the rest as it is."""
    return words[:1].upper() + words[1:]


def tell_who(event: Event) -> str:
    """Return who did it, as colleagues know them."""
    return SERVICES.get(event.actor_id) or event.actor_name or event.actor_id


def tell_staff(event: Event) -> str:
    """Return what happened, in a finance team's words."""
    if event.payment_id is not None and event.kind in _OF_PAYMENT:
        return _OF_PAYMENT[event.kind]
    return _FOR_STAFF.get(event.kind, event.kind)


def tell_citizen(events: Iterable[Event]) -> list[tuple[datetime, str]]:
    """Return what a payee is told: no names of staff, no checks, each thing once."""
    told: dict[str, datetime] = {}
    for event in events:
        if event.payment_id is not None and event.state in ("returned", "scheme_rejected"):
            reason = event.details.get("reason")
            text = f"Payment returned: {reason}" if reason else "Payment returned"
        elif event.kind == "unpaid":
            told.pop(_FOR_CITIZENS["paid"], None)
            continue
        elif event.kind in _FOR_CITIZENS:
            text = _FOR_CITIZENS[event.kind]
        else:
            continue
        # An approval that became void is told once more when it comes again.
        if event.kind == "approved":
            told.pop(text, None)
        told.setdefault(text, event.at)
    return sorted(((at, text) for text, at in told.items()), key=lambda line: line[0])
