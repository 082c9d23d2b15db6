"""Plain values for the pages of webhooks."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from payments.webhooks.queries import Delivery, Endpoint, PastAttempt, count_waiting
from payments.webhooks.rules import EVENT_TYPES, write_message

Values = dict[str, Any]

STATES = {
    "enabled": ("Switched on", "green"),
    "switched_off": ("Switched off", "grey"),
    "suspended": ("Stopped", "red"),
}
REASONS = {
    "failing": "It took no message for five days. What happens for 30 days more is kept for it and"
    " delivered when it is switched on again.",
    "gone": "It answered that it is gone (410). Nothing more is kept for it.",
}
DELIVERY_STATES = {
    "waiting": ("Waiting", "yellow"),
    "delivered": ("Delivered", "green"),
    "given_up": ("Given up", "red"),
}
_MEANINGS = {
    "payment.held": "A payment is held",
    "payment.approved": "A payment was approved",
    "payment.sent": "A payment was sent to the bank",
    "payment.paid": "A payment was seen on the bank statement",
    "payment.returned": "A payment came back",
    "payment.rejected": "The bank or the scheme rejected a payment",
    "payment.recalled": "A payment was recalled before it was sent",
    "payment.cancelled": "A payment was removed from its run",
    "payment.corrected": "A payment that was paid is not: its match was taken back",
    "run.put_forward": "A run was put forward for approval",
    "run.approved": "A run was approved",
    "run.released": "A run was released",
    "run.sent": "A run was sent to the bank",
    "run.finished": "Every payment of a run is finished",
    "run.sent_back": "A run was sent back to be corrected",
    "run.cancelled": "A run was cancelled",
    "run.reopened": "A finished run waits for the bank again: a match was taken back",
    "upload.finished": "An uploaded file was checked to its end",
    "bill.paid": "A provider says that a bill was paid",
}
EVENT_CHOICES = [{"value": name, "text": name, "hint": _MEANINGS[name]} for name in EVENT_TYPES]


def present_endpoint(session: Session, one: Endpoint) -> Values:
    """Return a webhook as its pages show it."""
    text, colour = STATES[one.state]
    return {
        "id": str(one.id),
        "href": f"/payments/webhooks/{one.id}",
        "url": one.url,
        "description": one.description,
        "event_types": list(one.event_types),
        "state": one.state,
        "state_text": text,
        "colour": colour,
        "reason": REASONS.get(one.state_reason, ""),
        "failing_since": one.failing_since,
        "paused_until": one.paused_until,
        "program": one.client_id or "",
        "created_by": one.created_by,
        "created_at": one.created_at,
        "waiting": count_waiting(session, one.id),
    }


def present_delivery(endpoint_id: UUID, one: Delivery) -> Values:
    """Return a line of the list of deliveries."""
    text, colour = DELIVERY_STATES[one.state]
    return {
        "href": f"/payments/webhooks/{endpoint_id}/deliveries/{one.name}",
        "name": one.name,
        "type": one.type,
        "subject": one.subject,
        "at": one.occurred_at,
        "state": one.state,
        "state_text": text,
        "colour": colour,
        "attempts": one.attempts,
        "status": "" if one.last_status is None else str(one.last_status),
        "due_at": one.due_at,
        "done_at": one.done_at,
    }


def present_message(endpoint_id: UUID, one: Delivery, attempts: Sequence[PastAttempt]) -> Values:
    """Return one message with its content and every attempt."""
    content = json.loads(write_message(one.type, one.occurred_at, one.data))
    return {
        "delivery": present_delivery(endpoint_id, one),
        "content": json.dumps(content, indent=2, ensure_ascii=False),
        "attempts": [
            {
                "at": attempt.at,
                "status": "" if attempt.status is None else str(attempt.status),
                "error": attempt.error,
                "duration": f"{attempt.duration_ms} ms",
            }
            for attempt in attempts
        ],
    }
