"""The life of a voucher, its numbers, and what makes a good batch."""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import FieldError

VoucherState = Literal[
    "not_pre_activated",
    "pre_activated",
    "activated",
    "used",
    "suspended",
    "blocked",
    "purged",
    "expired",
    "cancelled",
]
Kind = Literal["voucher", "payment_order"]

MOVES: dict[VoucherState, frozenset[VoucherState]] = {
    "not_pre_activated": frozenset({"pre_activated", "activated", "cancelled"}),
    "pre_activated": frozenset({"activated", "suspended", "blocked", "expired", "cancelled"}),
    "activated": frozenset({"used", "suspended", "blocked", "expired", "cancelled"}),
    "suspended": frozenset({"activated", "blocked", "expired", "cancelled"}),
    "blocked": frozenset({"cancelled", "purged"}),
    "expired": frozenset({"purged"}),
    "cancelled": frozenset({"purged"}),
    "used": frozenset(),
    "purged": frozenset(),
}
# In these states a voucher's worth is kept for it in its group's money.
LIVING: frozenset[VoucherState] = frozenset(
    {"not_pre_activated", "pre_activated", "activated", "suspended", "blocked"}
)
EXPIRES: tuple[VoucherState, ...] = ("pre_activated", "activated", "suspended")

MAXIMUM_IN_BATCH = 5_000
MAXIMUM_VOUCHER_PENCE = 1_000_000
_SERIAL_DIGITS = 18
_NUMBER_DIGITS = 20
_ADDRESS_LINES = 7
_LINE_LENGTH = 60


def can_move(before: VoucherState, after: VoucherState) -> bool:
    """Tell whether a voucher may go from one state to another."""
    return after in MOVES[before]


def make_serial() -> str:
    """Return a serial number of 18 digits; it is no secret, but nobody counts vouchers by it."""
    return _digits(_SERIAL_DIGITS)


def make_number() -> str:
    """Return a secret voucher number of 20 digits: one of nine in ten to the nineteenth."""
    return _digits(_NUMBER_DIGITS)


def _digits(count: int) -> str:
    return str(10 ** (count - 1) + secrets.randbelow(9 * 10 ** (count - 1)))


def show_number(number: str) -> str:
    """Return a voucher number in groups of four, as it is printed."""
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4))


@dataclass(frozen=True)
class Recipient:
    """The person a voucher or payment order is made out to."""

    name: str
    address: tuple[str, ...]


@dataclass(frozen=True)
class BatchLine:
    """One voucher of a batch: for whom, and how much."""

    recipient: Recipient
    amount_pence: int


def content_sha256(group: str, kind: Kind, lines: Sequence[BatchLine]) -> bytes:
    """Return the SHA-256 over what an approval of a batch signs."""
    content = [
        group,
        kind,
        [[line.recipient.name, list(line.recipient.address), line.amount_pence] for line in lines],
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()


_LINE = re.compile(r"\s*;\s*")


def parse_lines(text: str) -> tuple[list[BatchLine], list[FieldError]]:
    """Return the vouchers that a typed list asks for, and what is wrong with it.

    One line for each: name; amount in pounds; lines of the address, with semicolons between.
    """
    lines: list[BatchLine] = []
    faults: list[FieldError] = []
    for number, typed in enumerate(text.splitlines(), 1):
        if not typed.strip():
            continue
        if len(lines) >= MAXIMUM_IN_BATCH:
            faults.append(FieldError("lines", "A batch has up to 5,000 lines"))
            break
        name, *rest = _LINE.split(typed.strip())
        fault = _fault_of(name, rest)
        if fault:
            faults.append(FieldError("lines", f"Line {number}: {fault}"))
            continue
        lines.append(BatchLine(Recipient(name, tuple(rest[1:])), _pence(rest[0]) or 0))
    if not lines and not faults:
        faults.append(FieldError("lines", "Enter at least one line"))
    return lines, faults[:20]


def _fault_of(name: str, rest: Sequence[str]) -> str:
    if not name or len(name) > _LINE_LENGTH or not name.isprintable():
        return "start with a name of up to 60 characters"
    pence = _pence(rest[0]) if rest else None
    if pence is None or not 0 < pence <= MAXIMUM_VOUCHER_PENCE:
        return "give an amount from 0.01 to 10000.00 after the name"
    address = rest[1:]
    if not 1 <= len(address) <= _ADDRESS_LINES or any(
        not line or len(line) > _LINE_LENGTH or not line.isprintable() for line in address
    ):
        return "give 1 to 7 lines of an address after the amount"
    return ""


_POUNDS = re.compile(r"£?([0-9]{1,6})(?:\.([0-9]{2}))?", re.ASCII)


def _pence(text: str) -> int | None:
    found = _POUNDS.fullmatch(text.strip())
    return int(found[1]) * 100 + int(found[2] or 0) if found else None
