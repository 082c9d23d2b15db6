"""What an entry is made of, and which accounts a body has."""

import hashlib
import json
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from shared.errors import FieldError, Invalid
from shared.ids import new_id

Kind = Literal["posted", "pending", "post", "void", "reversal", "correction"]

PROGRAMME_EXPENDITURE = "programme_expenditure"
PROGRAMME_INCOME = "programme_income"
PAYMENTS_APPROVED = "payments_approved"
IN_TRANSIT = "in_transit"
RETURNS_RECEIVABLE = "returns_receivable"
RETURNED_UNAPPLIED = "returned_unapplied"
OPENING_BALANCE = "opening_balance"
VOUCHERS_ISSUED = "vouchers_issued"
PAYOUT_IN_TRANSIT = "payout_in_transit"


BANK_PREFIX = "bank."


def bank_code(bank_account: str) -> str:
    """Return the ledger code of the money in a bank account."""
    return f"{BANK_PREFIX}{bank_account}"


def suspense_code(bank_account: str) -> str:
    """Return the ledger code of what came or went at a bank account without known cause."""
    return f"suspense.{bank_account}"


@dataclass(frozen=True)
class AccountPlan:
    """An account to open."""

    code: str
    type: str
    normal_side: str


def control_accounts(bank_accounts: Iterable[str]) -> list[AccountPlan]:
    """Return the control accounts of a body (payments contract 12), two per bank account more."""
    plans = [
        AccountPlan(PROGRAMME_EXPENDITURE, "expense", "debit"),
        AccountPlan(PROGRAMME_INCOME, "income", "credit"),
        AccountPlan(PAYMENTS_APPROVED, "liability", "credit"),
        AccountPlan(IN_TRANSIT, "liability", "credit"),
        AccountPlan(RETURNS_RECEIVABLE, "asset", "debit"),
        AccountPlan(RETURNED_UNAPPLIED, "liability", "credit"),
        AccountPlan(OPENING_BALANCE, "liability", "credit"),
        AccountPlan(VOUCHERS_ISSUED, "liability", "credit"),
        AccountPlan(PAYOUT_IN_TRANSIT, "asset", "debit"),
    ]
    for name in bank_accounts:
        plans.append(AccountPlan(bank_code(name), "asset", "debit"))
        plans.append(AccountPlan(suspense_code(name), "suspense", "credit"))
    return plans


@dataclass(frozen=True)
class Line:
    """One posting: pence, debit positive, credit negative, never zero."""

    account: str
    amount_pence: int
    pending: bool = False


@dataclass(frozen=True)
class EntryDraft:
    """A whole entry before it is posted; its lines sum to zero, pending and posted apart."""

    event_type: str
    event_id: str
    effective_on: date
    lines: tuple[Line, ...]
    kind: Kind = "posted"
    refers_to: UUID | None = None
    rule_version: int = 1
    currency: str = "GBP"
    id: UUID = field(default_factory=new_id)

    @property
    def key(self) -> tuple[str, str, int]:
        """The business event that this entry books, once for ever within its body."""
        return self.event_type, self.event_id, self.rule_version

    @property
    def request_hash(self) -> bytes:
        """SHA-256 over everything but the entry's own id, which the caller makes anew."""
        content = [
            self.kind,
            str(self.refers_to),
            self.effective_on.isoformat(),
            self.currency,
            [[line.account, line.amount_pence, line.pending] for line in self.lines],
        ]
        return hashlib.sha256(json.dumps(content).encode()).digest()


def transfer(
    event_type: str, event_id: str, on: date, debit: str, credit: str, amount_pence: int
) -> EntryDraft:
    """Return the common entry of two lines: so much from the credit to the debit account."""
    lines = (Line(debit, amount_pence), Line(credit, -amount_pence))
    return EntryDraft(event_type, event_id, on, lines)


def check_drafts(drafts: Iterable[EntryDraft]) -> None:
    """Refuse drafts that the database would refuse, and two of one event in one request.

    The database's triggers stay the law; this names the fault in words first.

    Raises:
        Invalid: names the event and what is wrong with it.
    """
    seen: set[tuple[str, str, int]] = set()
    faults: list[FieldError] = []
    for draft in drafts:
        name = f"{draft.event_type} {draft.event_id}"
        if draft.key in seen:
            faults.append(FieldError(name, "is in this request twice"))
        seen.add(draft.key)
        for pending in (False, True):
            total = sum(line.amount_pence for line in draft.lines if line.pending is pending)
            if total != 0:
                faults.append(FieldError(name, f"does not balance: {total} pence"))
        few = len(draft.lines) < 2  # noqa: PLR2004 - double entry
        if few or any(line.amount_pence == 0 for line in draft.lines):
            faults.append(FieldError(name, "needs two lines or more, none of them zero"))
    if faults:
        raise Invalid(*faults, code="entry_invalid", title="The ledger refuses these entries")


def month_of(day: date) -> tuple[date, date]:
    """Return the calendar month around a day, half open."""
    first = day.replace(day=1)
    return first, first + timedelta(days=monthrange(day.year, day.month)[1])
