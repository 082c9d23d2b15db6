"""Lines of a journal as CSV, in and out."""

from collections.abc import Iterable, Iterator

from payments.gl.journals.rules import MAXIMUM_LINES, TypedLine
from payments.payees.csv_files import CsvError, read_rows, write_row
from shared.errors import FieldError, Invalid

MAXIMUM_BYTES = 500_000
_NEEDED, _OPTIONAL = ("account",), ("debit", "credit", "note")


def parse_csv(content: bytes) -> list[TypedLine]:
    """Return the lines of a CSV file with the columns account, debit, credit and note.

    Raises:
        Invalid: it is no such table; says the line and, where known, the column.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Invalid(FieldError("csv", "The file has more than 500,000 bytes"))
    try:
        return [
            TypedLine(
                row.line,
                row.cells["account"],
                row.cells["debit"],
                row.cells["credit"],
                row.cells["note"],
            )
            for row in read_rows(content, _NEEDED, _OPTIONAL, maximum_rows=MAXIMUM_LINES)
        ]
    except CsvError as error:
        raise Invalid(FieldError("csv", str(error))) from error


def write_csv(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield journals as CSV, a row for each line; no cell is a formula."""
    yield write_row(
        (
            "journal",
            "state",
            "day",
            "description",
            "reason",
            "reverses",
            "ledger_number",
            "made_by",
            "made_at",
            "decided_by",
            "decided_at",
            "line",
            "account",
            "debit",
            "credit",
            "note",
        )
    )
    for row in rows:
        yield write_row(row)
