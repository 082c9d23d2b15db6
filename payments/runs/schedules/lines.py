"""Reads what a schedule pays: one payment a line, as payee reference, amount, payment reference."""

from dataclasses import dataclass

from payments.runs.rules import check_order, clean_reference
from shared.errors import FieldError, Invalid
from shared.money import parse_pounds

MAXIMUM_LINES = 1_000
MAXIMUM_CHARACTERS = 200_000
_MAXIMUM_FAULTS = 20
_CELLS = 3


@dataclass(frozen=True)
class Line:
    """One payment of a schedule as it was typed; the amount in pence."""

    payee: str
    amount_pence: int
    reference: str


def read_lines(text: str) -> list[Line]:
    """Return the payments of a text; blank lines do not count.

    Raises:
        Invalid: names line and column of what cannot be read, up to twenty at once.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        raise Invalid(FieldError("payments", "Enter up to 1,000 payments"))
    found: list[Line] = []
    faults: list[FieldError] = []
    for number, row in enumerate(text.splitlines(), 1):
        if row.strip() and len(faults) < _MAXIMUM_FAULTS:
            line, faulty = _read(row, number)
            faults += faulty
            found += [line] if line is not None else []
    if faults:
        raise Invalid(*faults)
    if not 1 <= len(found) <= MAXIMUM_LINES:
        raise Invalid(FieldError("payments", "Enter from 1 to 1,000 payments, one on each line"))
    if len(set(found)) < len(found):
        raise Invalid(
            FieldError("payments", "Two lines pay the same payee the same under one reference")
        )
    return found


def write_lines(lines: list[Line]) -> str:
    """Return payments as the text that reads back as them."""
    return "\n".join(
        f"{one.payee}, {one.amount_pence // 100}.{one.amount_pence % 100:02d}, {one.reference}"
        for one in lines
    )


def _read(row: str, number: int) -> tuple[Line | None, list[FieldError]]:
    cells = [cell.strip() for cell in row.split(",")]
    if len(cells) != _CELLS:
        message = "Enter payee reference, amount and payment reference, with commas between them"
        return None, [_fault(number, 1, message)]
    payee, amount, reference = cells
    second = row.index(",") + 2
    third = row.rindex(",") + 2
    faults = [] if payee else [_fault(number, 1, "Enter the reference of a payee")]
    try:
        pence: int = parse_pounds(amount)
    except ValueError:
        return None, [*faults, _fault(number, second, "Enter an amount in pounds, like 120.00")]
    words = clean_reference(reference)
    columns = {"amount": second, "reference": third}
    faults += [
        _fault(number, columns.get(fault.field, 1), fault.message)
        for fault in check_order("A", "personal", pence, "GBP", words)
    ]
    return (None if faults else Line(payee, pence, words)), faults


def _fault(number: int, column: int, message: str) -> FieldError:
    return FieldError("payments", f"Line {number}, column {column}: {message}")
