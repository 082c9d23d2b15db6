"""What every reader of a file of payments offers."""

from collections.abc import Iterator
from typing import Protocol

from payments.uploads.rules import Claims, Record


class Reader(Protocol):
    """Reads a file once, row by row; the file is never in memory as a whole.

    ``claims`` and ``warnings`` are complete after the last row.
    """

    claims: Claims
    warnings: dict[str, int]

    def __iter__(self) -> Iterator[Record]:
        """Yield the rows in their order.

        Raises:
            ReadError: the file is not what it is said to be; says where and why.
        """


class MappingNeededError(Exception):
    """A person has to say which column is which; carries the first rows to show them."""

    def __init__(self, rows: list[list[str]], unknown: list[str]) -> None:
        super().__init__("the columns are not known")
        self.rows = rows
        self.unknown = unknown


def note(warnings: dict[str, int], code: str, count: int = 1) -> None:
    """Count a warning."""
    warnings[code] = warnings.get(code, 0) + count
