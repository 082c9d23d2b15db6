"""Which events there are, how a message is written and signed, and when it is tried again.

Standard Webhooks 1.0.0: payload with type, timestamp and data; headers webhook-id,
webhook-timestamp and webhook-signature; symmetric secrets of 32 bytes with the prefix ``whsec_``.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from shared.errors import FieldError
from shared.guarded_http import is_public

# What a payment's or a run's new state is called outside.
PAYMENT_EVENTS: Mapping[str, str] = {
    "held": "payment.held",
    "approved": "payment.approved",
    "submitted": "payment.sent",
    "paid": "payment.paid",
    "returned": "payment.returned",
    "scheme_rejected": "payment.rejected",
    "recalled": "payment.recalled",
    "cancelled": "payment.cancelled",
}
RUN_EVENTS: Mapping[str, str] = {
    "awaiting_approval": "run.put_forward",
    "approved": "run.approved",
    "released": "run.released",
    "submitted": "run.sent",
    "closed": "run.finished",
    "correcting": "run.sent_back",
    "cancelled": "run.cancelled",
}
UPLOAD_FINISHED = "upload.finished"
BILL_PAID = "bill.paid"
# What was said to be paid, or finished, is not: a match with the bank statement was taken back.
PAYMENT_CORRECTED = "payment.corrected"
RUN_REOPENED = "run.reopened"
TEST_EVENT = "webhook.test"
EVENT_TYPES = (
    *PAYMENT_EVENTS.values(),
    PAYMENT_CORRECTED,
    *RUN_EVENTS.values(),
    RUN_REOPENED,
    UPLOAD_FINISHED,
    BILL_PAID,
)

MAXIMUM_URL = 2000
MAXIMUM_DESCRIPTION = 200
MAXIMUM_ENDPOINTS = 20
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that marks a secret, not one
_SECRET_BYTES = 32
# How long the old secret still signs beside a new one.
ROTATION = timedelta(hours=24)

# After the first attempt; together about three days.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# An address that fails altogether is left alone for at most so long, then tried with one message.
LONGEST_REST = timedelta(minutes=30)
# An address that took nothing for so long is told nothing more until a person switches it on.
SUSPEND_AFTER = timedelta(days=5)
_LONGEST_RETRY_AFTER = timedelta(days=1)
_GONE = 410
_BUSY = (429, 502, 503, 504)


def check_url(url: str, allowed_hosts: Collection[str]) -> list[FieldError]:
    """Return what is wrong with an address: not https, private, with a name or a fragment in it.

    Where its name leads is checked at each delivery, because names can change.
    """
    message = _fault_of_url(url, allowed_hosts)
    return [FieldError("url", message)] if message else []


def _fault_of_url(url: str, allowed_hosts: Collection[str]) -> str:
    if not url or len(url) > MAXIMUM_URL or not url.isascii() or not url.isprintable():
        return "Enter an address of up to 2,000 characters"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "Enter an address, such as https://finance.example.scot/hooks"
    if parts.username is not None or parts.fragment or not host or " " in url:
        return "Enter an address without a user name and without a fragment"
    is_allowed = bool({host, f"{host}:{port}"} & set(allowed_hosts))
    if parts.scheme != "https" and not (is_allowed and parts.scheme == "http"):
        return "Enter an address that begins with https://"
    return "" if is_allowed or _may_be_public(host) else "Enter an address on the public Internet"


def _may_be_public(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal"))
    return is_public(host)


def check_types(event_types: Sequence[str], *, of_program: bool) -> list[FieldError]:
    """Return what is wrong with a choice of events; a program hears of its own things only."""
    own = {*PAYMENT_EVENTS.values(), PAYMENT_CORRECTED, UPLOAD_FINISHED, BILL_PAID}
    known = own if of_program else set(EVENT_TYPES)
    if not event_types:
        return [FieldError("event_types", "Select at least one event")]
    unknown = sorted(set(event_types) - known)
    if unknown:
        names = ", ".join(unknown)[:200]
        return [FieldError("event_types", f"There is no such event for this address: {names}")]
    return []


def make_secret() -> str:
    """Return a new signing secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def message_name(message_id: UUID) -> str:
    """Return the ``webhook-id`` of an event, which stays the same at every attempt."""
    return f"msg_{message_id.hex}"


def write_message(event_type: str, occurred_at: datetime, data: Mapping[str, object]) -> bytes:
    """Return the body of a message, byte for byte the same at every attempt."""
    moment = occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"type": event_type, "timestamp": moment, "data": dict(data)}
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def sign(signing: Sequence[str], name: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers; one signature for each secret that is valid now."""
    stamp = str(int(at.timestamp()))
    signed = f"{name}.{stamp}.".encode() + body
    signatures = [
        base64.b64encode(
            hmac.new(
                base64.b64decode(secret.removeprefix(SECRET_PREFIX)), signed, hashlib.sha256
            ).digest()
        ).decode()
        for secret in signing
    ]
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt; no status where there was no answer."""

    event_id: int
    at: datetime
    status: int | None
    error: str
    duration_ms: int
    retry_after_seconds: int | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the message: any status of 200 to 299."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it wants nothing more."""
        return self.status == _GONE


def next_attempt_at(attempt: Attempt, attempts: int) -> datetime | None:
    """Return when a message is tried again after its ``attempts``-th failure, None for never.

    A receiver that is busy may say for how long (Retry-After), up to a day.
    """
    if attempts > len(PAUSES):
        return None
    pause = PAUSES[attempts - 1]
    if attempt.status in _BUSY and attempt.retry_after_seconds is not None:
        asked = timedelta(seconds=attempt.retry_after_seconds)
        pause = max(pause, min(asked, _LONGEST_RETRY_AFTER))
    return attempt.at + pause


def rest_until(attempts: Sequence[Attempt], failures: int) -> datetime:
    """Return until when an address is left alone after its ``failures``-th batch in vain."""
    pause = min(PAUSES[min(failures, len(PAUSES)) - 1], LONGEST_REST)
    last = max(attempt.at for attempt in attempts)
    asked = [
        attempt.retry_after_seconds
        for attempt in attempts
        if attempt.status in _BUSY and attempt.retry_after_seconds is not None
    ]
    if asked:
        pause = max(pause, min(timedelta(seconds=max(asked)), _LONGEST_RETRY_AFTER))
    return last + pause


def read_retry_after(value: str | None) -> int | None:
    """Return the seconds of a Retry-After header; dates and nonsense are passed over."""
    if value is None or not value.strip().isdigit() or len(value.strip()) > 9:  # noqa: PLR2004 - a number of seconds that fits
        return None
    return int(value.strip())


def read_message_name(name: str) -> UUID | None:
    """Return the id behind a ``webhook-id``, None for anything else."""
    digits = name.removeprefix("msg_")
    if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):  # noqa: PLR2004 - of a UUID
        return None
    return UUID(hex=digits)
