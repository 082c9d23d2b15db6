"""A file of names to be checked: its columns, its parts, and how it is read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from payments.payees.actions import CheckRequest
from payments.payees.bank_details import AccountType
from payments.payees.csv_files import CsvError, read_lists
from shared.errors import FieldError, Invalid

# In the order of the fields of a row.
REQUIRED = ("account_type", "name")
OPTIONAL = ("sort_code", "account_number", "roll_number", "iban", "reference")
MAXIMUM_ROWS = 200_000
MAXIMUM_BYTES = 40_000_000
MAXIMUM_API_ROWS = 10_000
PART_ROWS = 500
# Asked so often before a row counts as unanswered, with a growing pause in between.
MAXIMUM_TRIES = 3
PAUSE_SECONDS = 10
# As many as the setting allows: a file that goes on gets lanes with new numbers.
MAXIMUM_LANES = 16

BatchState = Literal["validating", "running", "stopped", "done"]


@dataclass(frozen=True)
class NameRow:
    """One row as it came: a name and an account to ask about, and the sender's own reference."""

    account_type: str
    name: str
    sort_code: str
    account_number: str
    roll_number: str = ""
    iban: str = ""
    reference: str = ""

    def request(self, organisation: str) -> CheckRequest:
        """Return the row as a question."""
        return CheckRequest(
            organisation,
            cast("AccountType", self.account_type.strip().lower()),
            self.name,
            self.sort_code,
            self.account_number,
            self.roll_number,
            self.iban,
        )


def read_names(content: bytes) -> Iterator[list[str]]:
    """Yield the rows of a CSV file as lists of the texts of ``NameRow``, one at a time.

    Whether each can be asked is found out later.

    Raises:
        Invalid: names ``file``: too large, or not such a table (says at which line).
    """
    if len(content) > MAXIMUM_BYTES:
        raise Invalid(FieldError("file", "The file is larger than 40 MB"))
    try:
        for _, cells in read_lists(content, REQUIRED, OPTIONAL, maximum_rows=MAXIMUM_ROWS):
            yield cells
    except CsvError as error:
        raise Invalid(FieldError("file", str(error))) from error


def cut_parts(rows: Iterable[Sequence[str]]) -> Iterator[tuple[int, int, str]]:
    """Yield first and last number of each part, counted from 1, and its rows as JSON."""
    first, part = 1, list[Sequence[str]]()
    for row in rows:
        part.append(row)
        if len(part) == PART_ROWS:
            yield first, first + PART_ROWS - 1, json.dumps(part)
            first, part = first + PART_ROWS, []
    if part:
        yield first, first + len(part) - 1, json.dumps(part)


def open_part(content: str) -> list[NameRow]:
    """Return the rows of a part."""
    return [NameRow(*row) for row in json.loads(content)]


def part_of(number: int) -> int:
    """Return the number of the part that holds a row; both count from 1."""
    return (number - 1) // PART_ROWS + 1
