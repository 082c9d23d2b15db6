"""The common model of statements, and what can be decided about them by looking alone."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

LineKind = Literal["contra", "return", "credit", "debit"]
ExceptionCode = Literal[
    "UNMATCHED_LINE",
    "UNMATCHED_PAYMENT",
    "AMT",
    "DAT",
    "AMB",
    "DUPLICATE_LINE",
    "RETURN",
    "RETURN_NO_ORIGINAL",
    "STATEMENT_GAP",
    "BALANCE_MISMATCH",
    "TOTALS_WRONG",
]
SEVERITIES: dict[ExceptionCode, str] = {
    "UNMATCHED_LINE": "medium",
    "UNMATCHED_PAYMENT": "high",
    "AMT": "high",
    "DAT": "medium",
    "AMB": "medium",
    "DUPLICATE_LINE": "medium",
    "RETURN": "medium",
    "RETURN_NO_ORIGINAL": "high",
    "STATEMENT_GAP": "high",
    "BALANCE_MISMATCH": "high",
    "TOTALS_WRONG": "high",
}


@dataclass(frozen=True)
class StatementLine:
    """One movement: signed whole pence, credit positive, and all that could identify it."""

    amount_pence: int
    booking_date: date
    value_date: date
    kind: LineKind
    bank_code: str
    bank_ref: str = ""
    end_to_end_id: str = ""
    batch_ref: str = ""
    reference: str = ""
    counterparty_name: str = ""
    counterparty_sort_code: str = ""
    counterparty_account: str = ""
    return_reason: str = ""
    narrative: str = ""
    uetr: str = ""

    @property
    def content_hash(self) -> bytes:
        """SHA-256 over everything that the bank says about the movement."""
        values = [str(value) for value in self.__dict__.values()]
        if not self.uetr:
            # Lines of formats without it keep the digest that they have always had.
            values.pop()
        return hashlib.sha256(json.dumps(values).encode()).digest()


@dataclass(frozen=True)
class Statement:
    """The statement of one account and period; balances are None where the format has none."""

    sort_code: str
    account_number: str
    currency: str
    identification: str
    sequence: int | None
    opening_pence: int | None
    closing_pence: int | None
    from_date: date
    to_date: date
    lines: tuple[StatementLine, ...]
    # What contradicts the totals of the file; nothing of it is booked until two people accept it.
    problem: str = ""
    # What came so far on a day: shown, and booked only when the day's statement comes.
    interim: bool = False

    @property
    def movement_pence(self) -> int:
        """Sum of all lines."""
        return sum(line.amount_pence for line in self.lines)


@dataclass(frozen=True)
class ReadStatements:
    """What a file holds, and what was odd about it without being wrong."""

    format: str
    statements: tuple[Statement, ...]
    warnings: tuple[str, ...] = ()


def count_occurrences(lines: Sequence[StatementLine]) -> list[int]:
    """Return for each line the how-manieth of its content it is: equal lines are 1, 2, 3."""
    seen: Counter[bytes] = Counter()
    found = []
    for line in lines:
        seen[line.content_hash] += 1
        found.append(seen[line.content_hash])
    return found


def line_record(line_id: UUID) -> str:
    """Return the name under which the private part of a line is sealed."""
    return f"line:{line_id}"


@dataclass(frozen=True)
class StatementFacts:
    """What continuity looks at."""

    sequence: int | None
    opening_pence: int | None
    closing_pence: int | None
    movement_pence: int
    to_date: date


def check_continuity(
    before: StatementFacts | None, this: StatementFacts
) -> tuple[ExceptionCode, str] | None:
    """Return what breaks the chain of statements here, or None (ledger contract 3.2, pass 0).

    Opening plus lines must be closing; the opening must be the last closing; the sequence has no
    gap and no repeat. What a format does not tell is not held against it.
    """
    opening, closing = this.opening_pence, this.closing_pence
    if opening is not None and closing is not None and opening + this.movement_pence != closing:
        return "BALANCE_MISMATCH", (
            f"opening {opening} and lines {this.movement_pence} make"
            f" {opening + this.movement_pence}, the closing balance is {closing} (pence)"
        )
    if before is None:
        return None
    if this.to_date < before.to_date:
        return "STATEMENT_GAP", "a later statement is reconciled already"
    if (
        before.sequence is not None
        and this.sequence is not None
        and this.sequence != before.sequence + 1
    ):
        return "STATEMENT_GAP", f"sequence {this.sequence} follows {before.sequence}"
    if opening is not None and before.closing_pence not in (None, opening):
        return "STATEMENT_GAP", (
            f"it opens with {opening}, the one before closed with {before.closing_pence} (pence)"
        )
    return None
