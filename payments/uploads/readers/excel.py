"""Excel workbooks (.xlsx): the first sheet, within bounds, with what cells lost pointed out."""

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import BinaryIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from payments.uploads.readers.columns import PREVIEW_ROWS, FindMapping, Picker, choose_columns
from payments.uploads.rules import (
    COLUMNS,
    MAXIMUM_ROWS,
    PROBLEM,
    Claims,
    Mapping,
    ReadError,
    Record,
)

_MAXIMUM_MEMBERS = 500
_MAXIMUM_UNPACKED = 1_000_000_000
# All texts of a workbook are one part, which its reader keeps in memory.
_MAXIMUM_TEXTS = 48_000_000
_TEXTS = "xl/sharedStrings.xml"
_PIECE = 256 * 1024
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
_LONGEST_MARK = 16
_DIGITS = {"destination_sort_code": 6, "destination_account_number": 8}
_DAYS = ("invoice_received_date", "execution_date")
_MAXIMUM_COLUMNS = 100
_BLANK_ROWS = 1_000


def check_archive(file: BinaryIO) -> None:
    """Refuse an archive that would unpack to more than a workbook is, or that defines entities.

    Every part is unpacked once in pieces, because the sizes that an archive states may be wrong.

    Raises:
        ReadError: not a workbook, too large, or with a document type.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MAXIMUM_MEMBERS:
                raise ReadError(1, "", f"more than {_MAXIMUM_MEMBERS} parts: not a workbook")
            left = _MAXIMUM_UNPACKED
            for member in members:
                bound = min(left, _MAXIMUM_TEXTS) if member.filename == _TEXTS else left
                left -= _check_member(archive, member, bound)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
        raise ReadError(1, "", f"not an Excel workbook (.xlsx): {error}") from None
    except ValueError as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(1, "", f"not an Excel workbook (.xlsx): {error}") from None


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, bound: int) -> int:
    size, tail = 0, b""
    with archive.open(member) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            if size > bound:
                raise ReadError(1, member.filename[:80], "unpacks to more than a workbook may")
            if member.filename.endswith((".xml", ".rels", ".vml")):
                if piece[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in piece:
                    raise ReadError(1, member.filename[:80], "not UTF-8")
                if any(mark in tail + piece for mark in _FORBIDDEN):
                    raise ReadError(1, member.filename[:80], "a document type is not taken")
                tail = piece[-_LONGEST_MARK:]
    return size


class ExcelReader:
    """Reads the first sheet of a workbook row by row."""

    def __init__(self, file: BinaryIO, mapping: Mapping | None, find_mapping: FindMapping) -> None:
        self.claims = Claims()
        self.warnings: dict[str, int] = {}
        self._file = file
        self._mapping = mapping
        self._find_mapping = find_mapping

    def __iter__(self) -> Iterator[Record]:
        check_archive(self._file)
        self._file.seek(0)
        try:
            book = openpyxl.load_workbook(
                self._file, read_only=True, data_only=True, keep_links=False
            )
        except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ReadError(1, "", f"not an Excel workbook (.xlsx): {error}") from None
        except (SyntaxError, OSError, zipfile.BadZipFile, zlib.error, IndexError) as error:
            raise ReadError(1, "", f"a damaged Excel workbook: {error}") from None
        try:
            yield from self._read(_rows(book))
        finally:
            book.close()

    def _read(self, rows: Iterator[tuple[int, list[object]]]) -> Iterator[Record]:
        first: list[tuple[int, list[object]]] = []
        for row in rows:
            first.append(row)
            if len(first) == PREVIEW_ROWS:
                break
        texts = [[_plain(cell) for cell in cells] for _, cells in first]
        mapping = choose_columns(texts, self._mapping, self._find_mapping)
        picker, checks = Picker(mapping), _checks(mapping)
        every = chain(first, rows)
        if mapping.has_header:
            next(every)
        width = len(mapping.columns)
        for line, cells in every:
            cells.extend([None] * (width - len(cells)))
            fields = picker.pick([_plain(cell) for cell in cells])
            problems = [
                problem
                for name, position in checks
                if (problem := _lost(name, cells[position])) != ""
            ]
            if problems:
                fields[PROBLEM] = "; ".join(filter(None, [fields[PROBLEM], *problems]))
            yield line, fields


def _rows(book: openpyxl.Workbook) -> Iterator[tuple[int, list[object]]]:
    """Yield row numbers and cells of the rows of the first sheet that are not blank."""
    if not book.worksheets:
        raise ReadError(1, "", "the workbook has no sheet")
    sheet = book.worksheets[0]
    # What a sheet says of its own size may be wrong, and widens every row.
    sheet.reset_dimensions()
    blank, number = 0, 0
    try:
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            found: list[object] = list(cells)
            while found and found[-1] is None:
                found.pop()
            if not found:
                blank += 1
                if blank > _BLANK_ROWS:
                    return
                continue
            blank = 0
            if number > MAXIMUM_ROWS or len(found) > _MAXIMUM_COLUMNS:
                raise ReadError(number, "", "more rows or columns than a file of payments has")
            yield number, found
    except (KeyError, TypeError, IndexError, AttributeError, SyntaxError, OSError) as error:
        raise ReadError(number + 1, "", f"a damaged sheet: {error}") from None
    except (ValueError, OverflowError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(number + 1, "", f"a damaged sheet: {error}") from None


def _plain(cell: object) -> str:
    """Return a cell as text: whole numbers without a point, days as 2026-11-30."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, float):
        # A sheet keeps the shortest decimal that means its number; that text is what counts.
        exact = Decimal(repr(cell))
        if exact.is_finite() and exact == exact.to_integral_value():
            return str(int(exact))
        return format(exact, "f") if exact.is_finite() else repr(cell)
    return str(cell)


def _checks(mapping: Mapping) -> list[tuple[str, int]]:
    return [
        (name, position)
        for position, name in enumerate(mapping.columns)
        if name in _DIGITS or name in _DAYS or name in COLUMNS[2:6]
    ]


def _lost(name: str, cell: object) -> str:
    """Return what a cell lost or turned into, with advice; empty for a sound one."""
    if isinstance(cell, bool):
        return f"{name} is a logical value; type it as text"
    is_number = isinstance(cell, int | float)
    if name in _DIGITS and is_number and len(_plain(cell)) < _DIGITS[name]:
        return (
            f"{name} is a number cell and has lost its leading zeros;"
            " format the column as text and type it again"
        )
    if name in _DAYS and is_number:
        return f"{name} is a number; format the column as a date"
    if name not in _DAYS and isinstance(cell, datetime | date):
        kind = "a number" if name == "amount" else "text"
        return f"{name} became a date; format the column as {kind} and type it again"
    return ""
