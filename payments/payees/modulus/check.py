"""Modulus check of UK account numbers: Vocalink "Validating account numbers", chapters 2 and 3."""

from dataclasses import dataclass, replace
from typing import Literal

from payments.payees.modulus.tables import ModulusTables, WeightRow

Result = Literal["valid", "invalid", "not_checkable", "not_checked"]

_G, _H = 12, 13  # positions of the account's last two digits among u-z a-h
_A, _B, _C = 6, 7, 8
_NINE = 9
_EITHER = (("2", "9"), ("10", "11"), ("12", "13"))
_EXCEPTION_2 = (0, 0, 1, 2, 5, 3, 6, 4, 8, 7, 10, 9, 3, 1)
_EXCEPTION_2_G9 = (0, 0, 0, 0, 0, 0, 0, 0, 8, 7, 10, 9, 3, 1)
_EXCEPTION_8_CODE, _EXCEPTION_9_CODE = "090126", "309634"


@dataclass(frozen=True)
class RowOutcome:
    """What one row of the table said: its sort codes, and the one it was checked as."""

    method: str
    exception: str
    total: int
    remainder: int
    passed: bool
    sort_codes: str = ""
    checked_as: str = ""


@dataclass(frozen=True)
class ModulusAnswer:
    """The answer of the check with its working and a sentence for people."""

    result: Result
    explanation: str
    rows: tuple[RowOutcome, ...] = ()
    table_version: str = ""


_NOT_CHECKED = ModulusAnswer(
    "not_checked",
    "The account number was not checked: this installation has no modulus weight tables.",
)
_VALID = "The account number is possible for this sort code."
_INVALID = "The account number is not possible for this sort code."


def check_account(
    tables: ModulusTables | None, sort_code: str, account_number: str
) -> ModulusAnswer:
    """Tell whether an account number is possible for a sort code (contract 4.3).

    A pass means only that: whether sort code and account exist is not known from it. Takes six and
    eight digits; without tables the answer is ``not_checked``, never a silent pass.
    """
    if tables is None:
        return _NOT_CHECKED
    rows = tables.rows_for(sort_code)
    if not rows:
        return ModulusAnswer(
            "not_checkable",
            "No check is published for this sort code, so the account number is accepted as it is.",
            table_version=tables.version,
        )
    digits = _digits(sort_code, account_number)
    if any(row.exception == "6" for row in rows) and _is_foreign_currency(digits):
        return ModulusAnswer(
            "not_checkable",
            "This is a foreign currency account, for which no check is published.",
            table_version=tables.version,
        )
    outcomes = _run(tables, rows, digits)
    passed = outcomes[-1].passed if _is_either(rows) else all(row.passed for row in outcomes)
    return ModulusAnswer(
        "valid" if passed else "invalid",
        _VALID if passed else _INVALID,
        outcomes,
        tables.version,
    )


def _digits(sort_code: str, account_number: str) -> tuple[int, ...]:
    return tuple(int(digit) for digit in sort_code + account_number)


def _is_foreign_currency(digits: tuple[int, ...]) -> bool:
    return digits[_A] in range(4, 9) and digits[_G] == digits[_H]


def _is_either(rows: tuple[WeightRow, ...]) -> bool:
    return tuple(row.exception for row in rows[:2]) in _EITHER


def _run(
    tables: ModulusTables, rows: tuple[WeightRow, ...], digits: tuple[int, ...]
) -> tuple[RowOutcome, ...]:
    outcomes: list[RowOutcome] = []
    for row in rows:
        if row.exception == "14":
            outcomes.append(_check_exception_14(row, digits))
        else:
            outcomes.append(_check_row(tables, row, digits))
        if _is_either(rows) and outcomes[-1].passed:
            break
    return tuple(outcomes)


def _check_row(tables: ModulusTables, row: WeightRow, digits: tuple[int, ...]) -> RowOutcome:
    digits = _substituted(tables, row, digits)
    checked_as = "".join(map(str, digits[:6]))
    row = replace(row, weights=_weights(row, digits))
    total = _total(row, digits)
    remainder = total % (11 if row.method == "MOD11" else 10)
    passed = _passes(row, digits, remainder)
    return RowOutcome(
        row.method, row.exception, total, remainder, passed, _range_of(row), checked_as
    )


def _range_of(row: WeightRow) -> str:
    return f"{row.first:06d}-{row.last:06d}"


def _substituted(tables: ModulusTables, row: WeightRow, digits: tuple[int, ...]) -> tuple[int, ...]:
    """Return the digits with the sort code that exceptions 5, 8 and 9 check instead."""
    code = "".join(str(digit) for digit in digits[:6])
    if row.exception == "5":
        code = tables.substitutions.get(code, code)
    elif row.exception == "8":
        code = _EXCEPTION_8_CODE
    elif row.exception == "9":
        code = _EXCEPTION_9_CODE
    return (*(int(digit) for digit in code), *digits[6:])


def _weights(row: WeightRow, digits: tuple[int, ...]) -> tuple[int, ...]:
    """Return the weights after exceptions 2, 7 and 10."""
    nine = digits[_G] == _NINE
    if row.exception == "2" and digits[_A] != 0:
        return _EXCEPTION_2_G9 if nine else _EXCEPTION_2
    ab = digits[_A], digits[_B]
    if (row.exception == "7" and nine) or (
        row.exception == "10" and nine and ab in ((0, 9), (9, 9))
    ):
        return (0,) * 8 + row.weights[8:]
    return row.weights


def _total(row: WeightRow, digits: tuple[int, ...]) -> int:
    products = [digit * weight for digit, weight in zip(digits, row.weights, strict=True)]
    if row.method != "DBLAL":
        return sum(products)
    total = sum(int(digit) for product in products for digit in str(abs(product)))
    return total + 27 if row.exception == "1" else total


def _passes(row: WeightRow, digits: tuple[int, ...], remainder: int) -> bool:
    if row.exception == "3" and row.method == "DBLAL" and digits[_C] in (6, 9):
        return True
    if row.exception == "4" and row.method == "MOD11":
        return remainder == digits[_G] * 10 + digits[_H]
    if row.exception == "5":
        return _passes_exception_5(row, digits, remainder)
    return remainder == 0


def _passes_exception_5(row: WeightRow, digits: tuple[int, ...], remainder: int) -> bool:
    """Compare with a check digit: g after MOD11, h after DBLAL."""
    if row.method == "MOD11":
        if remainder == 1:
            return False
        return digits[_G] == (11 - remainder if remainder else 0)
    return digits[_H] == (10 - remainder if remainder else 0)


def _check_exception_14(row: WeightRow, digits: tuple[int, ...]) -> RowOutcome:
    total = _total(row, digits)
    if total % 11 and digits[_H] in (0, 1, 9):
        # The last digit is dropped and a zero put in front: 0abcdefg, with the same weights.
        total = _total(row, (*digits[:6], 0, *digits[6:_H]))
    checked_as = "".join(map(str, digits[:6]))
    return RowOutcome(
        row.method,
        row.exception,
        total,
        total % 11,
        total % 11 == 0,
        _range_of(row),
        checked_as,
    )
