"""What a journal written by hand must be; pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from payments.ledger.rules import (
    BANK_PREFIX,
    IN_TRANSIT,
    OPENING_BALANCE,
    PAYMENTS_APPROVED,
    PAYOUT_IN_TRANSIT,
    RETURNED_UNAPPLIED,
    RETURNS_RECEIVABLE,
    VOUCHERS_ISSUED,
    month_of,
)
from shared.errors import FieldError, Invalid
from shared.money import format_pounds, parse_pounds

State = Literal["waiting", "posted", "declined", "withdrawn"]
STATES: tuple[State, ...] = ("waiting", "posted", "declined", "withdrawn")
POSTED_EVENT = "journal.posted"
REVERSED_EVENT = "journal.reversed"
MAXIMUM_LINES = 500
MAXIMUM_TEXT = 200
MAXIMUM_REASON = 500
_MAXIMUM_PENCE = 1_000_000_000_000
_DAYS_BACK = 366
# These prove themselves against runs, the bank or vouchers: only the service itself writes there.
_SYSTEM = frozenset(
    {PAYMENTS_APPROVED, IN_TRANSIT, RETURNS_RECEIVABLE, RETURNED_UNAPPLIED, VOUCHERS_ISSUED}
    | {PAYOUT_IN_TRANSIT}
)
_SYSTEM_PREFIXES = (BANK_PREFIX, "suspense.")


@dataclass(frozen=True)
class TypedLine:
    """One line as it was typed; ``place`` is its number in the form, or in the CSV file."""

    place: int
    account: str
    debit: str
    credit: str
    note: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not (self.account or self.debit or self.credit or self.note)


@dataclass(frozen=True)
class JournalLine:
    """One line: pence, debit positive."""

    account: str
    amount_pence: int
    note: str = ""


@dataclass(frozen=True)
class JournalDraft:
    """A whole journal before it is asked for; ``reverses`` names the journal that it mirrors."""

    effective_on: date
    description: str
    reason: str
    lines: tuple[JournalLine, ...]
    reverses: UUID | None = None

    @property
    def total_pence(self) -> int:
        """Return the sum of the debits."""
        return sum(line.amount_pence for line in self.lines if line.amount_pence > 0)

    @property
    def content_sha256(self) -> bytes:
        """Return the hash of all that a second person decides about."""
        content = [
            self.effective_on.isoformat(),
            self.description,
            self.reason,
            str(self.reverses),
            [[line.account, line.amount_pence, line.note] for line in self.lines],
        ]
        return hashlib.sha256(json.dumps(content).encode()).digest()


def is_system_account(code: str) -> bool:
    """Tell whether only the service itself writes to an account."""
    return code in _SYSTEM or code.startswith(_SYSTEM_PREFIXES)


def is_writable(code: str, account_type: str) -> bool:
    """Tell whether people may write to an account: income, expense, and what is a body's own."""
    if is_system_account(code):
        return False
    return (
        account_type in ("income", "expense") or code.startswith("own.") or code == OPENING_BALANCE
    )


def read_lines(
    typed: Sequence[TypedLine], accounts: Mapping[str, str], *, from_csv: bool
) -> tuple[list[JournalLine], list[FieldError]]:
    """Return the lines that were typed, and every fault of them; empty lines are passed over.

    ``accounts`` are the body's open accounts with their types.
    """
    lines: list[JournalLine] = []
    faults: list[FieldError] = []
    for one in typed:
        if one.is_empty:
            continue
        own = _line_faults(one, accounts)
        if own:
            faults += [_place(fault, one.place, from_csv=from_csv) for fault in own]
            continue
        pence = parse_pounds(one.debit) if one.debit else -parse_pounds(one.credit)
        lines.append(JournalLine(one.account, pence, " ".join(one.note.split())))
    where = "csv" if from_csv else "account-1"
    if not faults:
        faults += _whole_faults(lines, where)
    return lines, faults


def check_draft(draft: JournalDraft, today: date) -> list[FieldError]:
    """Return the faults of what a journal says besides its lines."""
    faults = []
    if not _is_text(draft.description, MAXIMUM_TEXT):
        faults.append(
            FieldError("description", "Enter what the journal is, in up to 200 characters")
        )
    faults += reason_faults(draft.reason)
    last = month_of(today)[1] - timedelta(days=1)
    if draft.effective_on > last:
        faults.append(FieldError("effective_on", "The day cannot be after the end of this month"))
    elif draft.effective_on < today - timedelta(days=_DAYS_BACK):
        faults.append(FieldError("effective_on", "The day cannot be more than a year ago"))
    return faults


def reason_faults(reason: str) -> list[FieldError]:
    """Return what is wrong with a reason."""
    if _is_text(reason, MAXIMUM_REASON):
        return []
    return [FieldError("reason", "Enter a reason of up to 500 characters")]


def mirror(
    lines: Sequence[JournalLine], number: int, on: date, reason: str, reverses: UUID
) -> JournalDraft:
    """Return the journal that takes another back whole."""
    return JournalDraft(
        on,
        f"Reversal of journal {number}",
        reason,
        tuple(JournalLine(line.account, -line.amount_pence, line.note) for line in lines),
        reverses,
    )


def read_day(day: str, month: str, year: str) -> date:
    """Return the day of three fields.

    Raises:
        Invalid: they are no day.
    """
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise Invalid(FieldError("effective_on", "Enter a day, such as 30 11 2026")) from error


def _is_text(typed: str, longest: int) -> bool:
    return 1 <= len(typed) <= longest and "\0" not in typed


def _line_faults(one: TypedLine, accounts: Mapping[str, str]) -> list[FieldError]:
    faults = []
    if not one.account:
        faults.append(FieldError("account", "Select an account"))
    elif is_system_account(one.account):
        faults.append(FieldError("account", "Only the service itself writes to this account"))
    elif one.account not in accounts:
        faults.append(FieldError("account", "There is no such open account"))
    elif not is_writable(one.account, accounts[one.account]):
        faults.append(FieldError("account", "Journals cannot be written to this account"))
    if one.debit and one.credit:
        faults.append(FieldError("debit", "Enter a debit or a credit, not both"))
    elif not one.debit and not one.credit:
        faults.append(FieldError("debit", "Enter a debit or a credit"))
    else:
        field = "debit" if one.debit else "credit"
        if fault := _amount_fault(one.debit or one.credit):
            faults.append(FieldError(field, fault))
    if one.note and not _is_text(one.note, MAXIMUM_TEXT):
        faults.append(FieldError("note", "Enter a note of up to 200 characters"))
    return faults


def _amount_fault(typed: str) -> str:
    try:
        pence = parse_pounds(typed)
    except ValueError:
        return "Enter an amount in pounds and pence, such as 1,234.50"
    if not 1 <= pence <= _MAXIMUM_PENCE:
        return "Enter an amount from £0.01 to £10,000,000,000.00"
    return ""


def _whole_faults(lines: Sequence[JournalLine], where: str) -> list[FieldError]:
    if len(lines) < 2:  # noqa: PLR2004 - double entry
        return [FieldError(where, "Enter two lines or more")]
    if len(lines) > MAXIMUM_LINES:
        return [FieldError(where, "A journal has up to 500 lines")]
    debit = sum(line.amount_pence for line in lines if line.amount_pence > 0)
    credit = -sum(line.amount_pence for line in lines if line.amount_pence < 0)
    if debit == credit:
        return []
    said = f"Debits are {format_pounds(debit)} and credits {format_pounds(credit)}"
    return [FieldError(where, f"{said}: they must be equal")]


def _place(fault: FieldError, place: int, *, from_csv: bool) -> FieldError:
    if from_csv:
        return FieldError("csv", f"Line {place}, {fault.field}: {fault.message}")
    return FieldError(f"{fault.field}-{place}", fault.message)
