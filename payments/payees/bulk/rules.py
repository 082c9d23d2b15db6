"""A file of names to be checked: its columns, its parts, and how it is read."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Literal, cast

from payments.payees.actions import CheckRequest
from payments.payees.bank_details import AccountType
from payments.payees.csv_files import CsvError, read_rows
from shared.errors import FieldError, Invalid

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


def read_names(content: bytes) -> list[NameRow]:
    """Return the rows of a CSV file; whether each can be asked is found out later.

    Raises:
        Invalid: names ``file``: too large, not such a table (says at which line), or without rows.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Invalid(FieldError("file", "The file is larger than 40 MB"))
    try:
        found = [
            NameRow(*(row.cells.get(name, "") for name in NameRow.__dataclass_fields__))
            for row in read_rows(content, REQUIRED, OPTIONAL, maximum_rows=MAXIMUM_ROWS)
        ]
    except CsvError as error:
        raise Invalid(FieldError("file", str(error))) from error
    if not found:
        raise Invalid(FieldError("file", "The file has a header and no rows"))
    return found


def cut_parts(rows: Sequence[NameRow]) -> Iterator[tuple[int, int, bytes]]:
    """Yield first and last number of each part, counted from 1, and its rows as JSON."""
    for start in range(0, len(rows), PART_ROWS):
        part = rows[start : start + PART_ROWS]
        yield start + 1, start + len(part), json.dumps([astuple(row) for row in part]).encode()


def open_part(content: str) -> list[NameRow]:
    """Return the rows of a part."""
    return [NameRow(*row) for row in json.loads(content)]


def digest_of(rows: Sequence[NameRow]) -> bytes:
    """Return the SHA-256 of what rows say, however their file was written."""
    digest = hashlib.sha256()
    for _, _, content in cut_parts(rows):
        digest.update(content)
    return digest.digest()


def part_of(number: int) -> int:
    """Return the number of the part that holds a row; both count from 1."""
    return (number - 1) // PART_ROWS + 1
