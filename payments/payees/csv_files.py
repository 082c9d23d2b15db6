"""CSV in and out: bounded, every fault with its line and column; no cell is ever a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MAXIMUM_CELL = 1_000


class CsvError(ValueError):
    """A file cannot be read as the table it should be; says where, counted from 1."""

    def __init__(self, message: str, line: int, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True)
class CsvRow:
    """One row: its number without the header, the line it ends on, and its cells by column."""

    number: int
    line: int
    cells: Mapping[str, str]


def read_rows(
    content: bytes, required: Sequence[str], optional: Sequence[str], *, maximum_rows: int
) -> Iterator[CsvRow]:
    """Yield the rows of a CSV file with a header, one at a time; empty lines are passed over.

    Columns may stand in any order; comma, semicolon and tab are understood as the separator.

    Raises:
        CsvError: not UTF-8, a required column is missing, a column is unknown or there twice, a
            row has more or fewer cells than the header, a cell is too long, or too many rows.
    """
    names = (*required, *optional)
    lists = read_lists(content, required, optional, maximum_rows=maximum_rows)
    for number, (line, cells) in enumerate(lists, 1):
        yield CsvRow(number, line, dict(zip(names, cells, strict=True)))


def read_lists(
    content: bytes, required: Sequence[str], optional: Sequence[str], *, maximum_rows: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of each row, in the order of the columns named; see ``read_rows``."""
    text = _decode(content)
    header_line = text.partition("\n")[0]
    separator = max(",;\t", key=header_line.count)
    rows = _records(text, separator)
    header = _read_header(next(rows, (1, []))[1], required, optional)
    places = [
        header.index(name) if name in header else len(header) for name in (*required, *optional)
    ]
    for number, (line, cells) in enumerate(rows, 1):
        if number > maximum_rows:
            raise CsvError(f"there are more than {maximum_rows:,} rows", line)
        if len(cells) != len(header):
            raise CsvError(f"{len(cells)} cells where the header has {len(header)}", line)
        if max(map(len, cells)) > _MAXIMUM_CELL:
            column = 1 + max(range(len(cells)), key=lambda place: len(cells[place]))
            raise CsvError(f"the cell has more than {_MAXIMUM_CELL:,} characters", line, column)
        cells.append("")
        yield line, [cells[place].strip() for place in places]


def _decode(content: bytes) -> str:
    null = content.find(b"\0")
    if null >= 0:
        line = content.count(b"\n", 0, null) + 1
        raise CsvError("there is a null character", line, null - content.rfind(b"\n", 0, null))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise CsvError("the file is not UTF-8 text; save it as CSV UTF-8", line, column) from error


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CsvError(str(error), max(reader.line_num, 1)) from error
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _read_header(
    cells: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    header = [cell.strip().lower().replace(" ", "_") for cell in cells]
    for column, name in enumerate(header, 1):
        if name not in (*required, *optional):
            raise CsvError(f"there is no column {name[:40]!r} in this kind of file", 1, column)
        if name in header[: column - 1]:
            raise CsvError(f"the column {name} is there twice", 1, column)
    missing = [name for name in required if name not in header]
    if missing:
        raise CsvError(f"missing columns: {', '.join(missing)}", 1)
    return header


def escape_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: such a text gets a quote in front."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_row(cells: Iterable[object]) -> str:
    """Return one line of CSV with its line end, every cell escaped."""
    written = io.StringIO()
    csv.writer(written).writerow([escape_cell(cell) for cell in cells])
    return written.getvalue()
