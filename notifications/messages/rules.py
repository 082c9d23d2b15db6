"""The life of a message as one table of moves, and what an address or a number must be."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

import phonenumbers

from notifications.channels.provider import Arrival, Result
from shared.errors import Conflict, FieldError, Invalid

_ADDRESS_MAXIMUM = 320
_HOST_MAXIMUM = 253
_LABELS_MINIMUM = 2
_INVISIBLE = {"Cf", "Cc", "Zl", "Zp"}
_LOCAL = re.compile(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LAST_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")


class State(StrEnum):
    """Where a message stands, in the words of the GOV.UK Notify API."""

    CREATED = "created"
    SENDING = "sending"
    # A text or call that the provider took and has not reported on.
    SENT = "sent"
    DELIVERED = "delivered"
    TEMPORARY_FAILURE = "temporary-failure"
    PERMANENT_FAILURE = "permanent-failure"


class Happening(StrEnum):
    """What can happen to a message."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    TAKEN = "taken"
    ARRIVED = "arrived"
    MISSED = "missed"
    IMPOSSIBLE = "impossible"


FINAL = frozenset({State.DELIVERED, State.TEMPORARY_FAILURE, State.PERMANENT_FAILURE})
MOVES: Mapping[tuple[State, Happening], State] = {
    (State.CREATED, Happening.CLAIMED): State.SENDING,
    (State.SENDING, Happening.CLAIMED): State.SENDING,
    (State.SENDING, Happening.ACCEPTED): State.DELIVERED,
    (State.SENDING, Happening.DEFERRED): State.SENDING,
    (State.SENDING, Happening.UNCERTAIN): State.SENDING,
    (State.SENDING, Happening.REFUSED): State.PERMANENT_FAILURE,
    (State.SENDING, Happening.GIVEN_UP): State.TEMPORARY_FAILURE,
    (State.SENDING, Happening.TAKEN): State.SENT,
    (State.SENT, Happening.ARRIVED): State.DELIVERED,
    (State.SENT, Happening.MISSED): State.TEMPORARY_FAILURE,
    (State.SENT, Happening.IMPOSSIBLE): State.PERMANENT_FAILURE,
}
# What needs no more work of ours; of a text that was sent, the provider still tells what became.
SETTLED = FINAL | {State.SENT}
ARRIVALS = {
    Arrival.ARRIVED: Happening.ARRIVED,
    Arrival.MISSED: Happening.MISSED,
    Arrival.IMPOSSIBLE: Happening.IMPOSSIBLE,
}
_HAPPENINGS = {
    Result.ACCEPTED: Happening.ACCEPTED,
    Result.DEFERRED: Happening.DEFERRED,
    Result.UNWILLING: Happening.GIVEN_UP,
    Result.REFUSED: Happening.REFUSED,
    Result.UNCERTAIN: Happening.UNCERTAIN,
}


def move(state: State, happening: Happening) -> State:
    """Return the state that follows; refuses what the table of moves does not hold."""
    if (state, happening) not in MOVES:
        raise Conflict("move_refused", f"A message that is {state} cannot be {happening}")
    return MOVES[state, happening]


def happening_of(result: Result, *, last_try: bool, reports: bool = False) -> Happening:
    """Return what a provider's answer means for the message; the last try waits no longer.

    ``reports``: the provider tells later whether what it accepted arrived.
    """
    happening = _HAPPENINGS[result]
    if reports and happening is Happening.ACCEPTED:
        return Happening.TAKEN
    waits = happening in (Happening.DEFERRED, Happening.UNCERTAIN)
    return Happening.GIVEN_UP if waits and last_try else happening


def check_address(typed: str) -> str:
    """Return an email address without blanks and invisible characters, in lower case.

    Refuses what is not one, naming the field ``to``.
    """
    visible = (sign for sign in typed if unicodedata.category(sign) not in _INVISIBLE)
    address = "".join(visible).strip().lower()
    local, _, host = address.partition("@")
    if len(address) > _ADDRESS_MAXIMUM or ".." in address or not _LOCAL.fullmatch(local):
        raise _wrong_address()
    return f"{local}@{_check_host(host)}"


def check_number(typed: str) -> str:
    """Return a telephone number in E.164; refuses what is none, naming the field ``to``."""
    try:
        number = phonenumbers.parse(typed, None)
    except phonenumbers.NumberParseException:
        raise _wrong_number() from None
    if not phonenumbers.is_possible_number(number):
        raise _wrong_number()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _wrong_number() -> Invalid:
    return Invalid(FieldError("to", "Not a valid telephone number in international form"))


def _wrong_address() -> Invalid:
    return Invalid(FieldError("to", "Not a valid email address"))


def _check_host(typed: str) -> str:
    try:
        host = typed.encode("idna").decode()
    except UnicodeError:
        raise _wrong_address() from None
    labels = host.split(".")
    good = (
        len(host) <= _HOST_MAXIMUM
        and len(labels) >= _LABELS_MINIMUM
        and all(_LABEL.fullmatch(label) for label in labels)
        and _LAST_LABEL.fullmatch(labels[-1])
    )
    if not good:
        raise _wrong_address()
    return host


def message_id_header(message_id: object, sender: str) -> str:
    """Return the Message-ID of a message, the same on every try (RFC 5322, section 3.6.4)."""
    return f"<{message_id}@{sender.rpartition('@')[2]}>"
