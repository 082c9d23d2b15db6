"""A CSV file of bills: every row as a bill or as all its faults."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from payments.bills.rules import NewBill, check_bill
from payments.payees.csv_files import CsvError, read_rows
from shared.errors import FieldError, Invalid
from shared.money import parse_pounds

REQUIRED = ("reference", "payer", "amount", "description", "due_date", "programme")
OPTIONAL = ("last_day",)
MAXIMUM_ROWS = 10_000
MAXIMUM_BYTES = 4_000_000
# Faults beyond these are counted, not shown.
MAXIMUM_FAULTS = 200
_COLUMNS = {
    "payer_name": "payer",
    "due_on": "due_date",
    "expires_on": "last_day",
}
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_BRITISH = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII)


@dataclass(frozen=True)
class RowFault:
    """What is wrong in one column of one row; rows count from 1 without the header."""

    row: int
    line: int
    column: str
    message: str


def read_bills(
    content: bytes, programmes: Sequence[str], today: date
) -> tuple[list[tuple[int, NewBill]], list[RowFault]]:
    """Return the bills of a file with their lines, or everything that is wrong with it.

    Raises:
        Invalid: names ``file``: it cannot be read as a table of bills; says at which line.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Invalid(FieldError("file", "The file is larger than 4 MB"))
    bills: list[tuple[int, NewBill]] = []
    faults: list[RowFault] = []
    seen: dict[str, int] = {}
    try:
        for row in read_rows(content, REQUIRED, OPTIONAL, maximum_rows=MAXIMUM_ROWS):
            bill, found = _read_row(row.cells, programmes, today)
            first = seen.setdefault(bill.reference, row.number)
            if bill.reference and first != row.number:
                found.append(FieldError("reference", f"Row {first} has it too"))
            faults += [
                RowFault(row.number, row.line, _COLUMNS.get(one.field, one.field), one.message)
                for one in found
            ]
            bills.append((row.line, bill))
    except CsvError as error:
        raise Invalid(FieldError("file", str(error))) from error
    if not bills:
        raise Invalid(FieldError("file", "The file has no bills"))
    return bills, faults


def _read_row(
    cells: Mapping[str, str], programmes: Sequence[str], today: date
) -> tuple[NewBill, list[FieldError]]:
    unread = []
    last_day = read_day(cells["last_day"])
    if cells["last_day"] and last_day is None:
        unread.append(FieldError("expires_on", "Enter a day, like 2027-03-31"))
    bill = NewBill(
        programme=cells["programme"],
        reference=cells["reference"].upper(),
        payer_name=cells["payer"],
        amount_pence=_read_pence(cells["amount"]),
        description=cells["description"],
        due_on=read_day(cells["due_date"]),
        expires_on=last_day,
    )
    return bill, unread + check_bill(bill, programmes, today)


def _read_pence(typed: str) -> int | None:
    try:
        return parse_pounds(typed)
    except ValueError:
        return None


def read_day(typed: str) -> date | None:
    """Return a day written as 2027-03-31 or 31/03/2027, None for anything else."""
    found = _ISO.fullmatch(typed.strip()) or _BRITISH.fullmatch(typed.strip())
    if found is None:
        return None
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None
