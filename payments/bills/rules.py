"""What a good bill is, how it lives, and when what a provider says of it is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.errors import FieldError

BillState = Literal["open", "paid", "expired", "cancelled"]
# Of a request to pay, as published: completed, pending, expired, cancelled, rejected.
RequestState = Literal["COM", "PND", "EXP", "CAN", "RJC"]
# Why a request was rejected, and why a payment was; their meanings are not published (unverified).
RequestReason = Literal["", "R", "E", "W"]
RejectReason = Literal["", "Def", "Dup", "Und"]

STATES: tuple[BillState, ...] = ("open", "paid", "expired", "cancelled")
REQUEST_STATES: tuple[RequestState, ...] = ("COM", "PND", "EXP", "CAN", "RJC")
REQUEST_REASONS: tuple[RequestReason, ...] = ("R", "E", "W")
REFERENCE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}", re.ASCII)
MAXIMUM_PENCE = 2_000_000_000
MAXIMUM_NAME = 140
MAXIMUM_DESCRIPTION = 200
LONGEST_LIFE_DAYS = 3_650


@dataclass(frozen=True)
class NewBill:
    """A bill to issue; ``expires_on`` is the last day on which it may be paid."""

    programme: str
    reference: str
    payer_name: str
    amount_pence: int | None
    description: str
    due_on: date | None
    expires_on: date | None = None

    @property
    def last_day(self) -> date | None:
        """The last day on which it may be paid: the day it is due where nothing else is said."""
        return self.expires_on or self.due_on


@dataclass(frozen=True)
class Facts:
    """What decides whether a bill can be paid."""

    state: BillState
    amount_pence: int
    expires_on: date


@dataclass(frozen=True)
class Refusal:
    """Why a payment of a bill is refused, as a published code and in words."""

    reason: RejectReason
    words: str


def check_bill(bill: NewBill, programmes: Sequence[str], today: date) -> list[FieldError]:
    """Return everything that is wrong with a bill."""
    faults = []
    if bill.programme not in programmes:
        faults.append(FieldError("programme", "Select a programme of this body"))
    if not REFERENCE.fullmatch(bill.reference):
        faults.append(
            FieldError(
                "reference", "Enter up to 20 capital letters, digits and hyphens, like CT-2026-0001"
            )
        )
    faults += _check_text("payer_name", bill.payer_name, MAXIMUM_NAME, "Enter who has to pay")
    faults += _check_text(
        "description", bill.description, MAXIMUM_DESCRIPTION, "Enter what the bill is for"
    )
    if bill.amount_pence is None or not 0 < bill.amount_pence <= MAXIMUM_PENCE:
        faults.append(FieldError("amount", "Enter an amount in pounds above zero, like 250.00"))
    return faults + _check_days(bill, today)


def _check_text(field: str, words: str, longest: int, message: str) -> list[FieldError]:
    if not words.strip():
        return [FieldError(field, message)]
    if len(words) > longest or not words.isprintable():
        return [FieldError(field, f"Use up to {longest} characters on one line")]
    return []


def _check_days(bill: NewBill, today: date) -> list[FieldError]:
    if bill.due_on is None:
        return [FieldError("due_on", "Enter the day on which the bill is due")]
    if bill.due_on < today:
        return [FieldError("due_on", "Enter a day that is not in the past")]
    last = bill.last_day or bill.due_on
    if last < bill.due_on:
        return [FieldError("expires_on", "The last day to pay cannot be before the day it is due")]
    if (last - today).days > LONGEST_LIFE_DAYS:
        field = "expires_on" if bill.expires_on else "due_on"
        return [FieldError(field, "Enter a day within ten years")]
    return []


def refusal_of(bill: Facts | None, amount_pence: int | None, today: date) -> Refusal | None:
    """Return why a bill is not paid with this amount today, None where it is.

    No amount stands for the whole bill. ``Und`` is a bill that is not known, ``Dup`` one that is
    paid already, ``Def`` every other fault.
    """
    if bill is None:
        return Refusal("Und", "The bill is not known")
    if bill.state == "paid":
        return Refusal("Dup", "The bill is paid already")
    if bill.state == "cancelled":
        return Refusal("Def", "The bill was cancelled")
    if bill.state == "expired" or bill.expires_on < today:
        return Refusal("Def", "The bill has expired")
    if amount_pence is not None and amount_pence != bill.amount_pence:
        return Refusal("Def", "The amount is not that of the bill")
    return None


def can_request_move(before: RequestState, after: RequestState) -> bool:
    """Tell whether a request to pay may go from one state to another; only pending ones move."""
    return before in (after, "PND")
