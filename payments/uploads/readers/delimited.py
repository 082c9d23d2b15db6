"""Comma-separated files: our own columns, mapped ones, and the headerless layout of bureaux."""

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from payments.uploads.readers.base import note
from payments.uploads.readers.columns import PREVIEW_ROWS, FindMapping, Picker, choose_columns
from payments.uploads.rules import (
    CHUNK_BYTES,
    EXECUTION_DATE,
    PROBLEM,
    Claims,
    Mapping,
    ReadError,
    Record,
)

_MAXIMUM_LINE = 100_000
_DELIMITERS = (",", ";", "\t")
# Payments contract, section 3: ten columns without a heading, as bureaux exchange them.
BUREAU = Mapping(
    (
        "destination_sort_code",
        "destination_account_number",
        "destination_name",
        "amount",
        "",  # transaction code
        "",  # originating sort code
        "",  # originating account
        "",  # originating name
        "reference",
        "execution_date",
    ),
    has_header=False,
)
_TRANSACTION_CODE = 4
_CREDIT = "99"


def detect_encoding(file: BinaryIO) -> str:
    """Return the encoding of a text: UTF-8 where all of it is, otherwise Windows-1252.

    Raises:
        ReadError: UTF-16, or a character that no text has.
    """
    file.seek(0)
    begin = file.read(4)
    if begin[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise ReadError(1, "", "the file is UTF-16; save it as CSV UTF-8")
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    is_utf8 = True
    while piece := file.read(CHUNK_BYTES):
        if b"\x00" in piece:
            line += piece.count(b"\n", 0, piece.index(b"\x00"))
            raise ReadError(line, "", "a zero byte: this is not a text file")
        line += piece.count(b"\n")
        if is_utf8:
            is_utf8 = _goes_on(decoder, piece, final=False)
    is_utf8 = is_utf8 and _goes_on(decoder, b"", final=True)
    file.seek(0)
    return "utf-8-sig" if is_utf8 else "cp1252"


def _goes_on(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _detect_delimiter(line: str) -> str:
    unquoted = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


class DelimitedReader:
    """Reads a CSV file (RFC 4180; commas, semicolons or tabs; UTF-8 or Windows-1252)."""

    def __init__(
        self,
        file: BinaryIO,
        mapping: Mapping | None,
        find_mapping: FindMapping,
    ) -> None:
        self.claims = Claims()
        self.warnings: dict[str, int] = {}
        self._file = file
        self._mapping = mapping
        self._find_mapping = find_mapping

    def __iter__(self) -> Iterator[Record]:
        encoding = detect_encoding(self._file)
        if encoding == "cp1252":
            note(self.warnings, "windows_1252")
        text = io.TextIOWrapper(self._file, encoding, errors="replace", newline="")
        try:
            yield from self._read(text)
        finally:
            # The stored file belongs to whoever opened it.
            if not text.closed:
                text.detach()

    def _read(self, text: io.TextIOWrapper) -> Iterator[Record]:
        rows = read_table(text)
        first: list[tuple[int, list[str]]] = []
        for row in rows:
            first.append(row)
            if len(first) == PREVIEW_ROWS:
                break
        mapping = choose_columns([cells for _, cells in first], self._mapping, self._find_mapping)
        picker = Picker(mapping)
        is_bureau = mapping == BUREAU
        every = chain(first, rows)
        if mapping.has_header:
            next(every)
        for line, cells in every:
            fields = picker.pick(cells)
            if is_bureau and not fields[PROBLEM] and cells[_TRANSACTION_CODE].strip() != _CREDIT:
                found = cells[_TRANSACTION_CODE].strip()[:10]
                fields[PROBLEM] = f"transaction code {found!r}: only credits (99) are paid out"
            if is_bureau and fields[EXECUTION_DATE] == "":
                note(self.warnings, "no_date")
            yield line, fields


def read_table(text: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and cells of the rows that are not blank."""
    lines = _lines(text)
    try:
        first = next(lines)
    except StopIteration:
        return
    except UnicodeDecodeError as error:
        raise ReadError(1, "", "not a text") from error
    reader = csv.reader(chain([first], lines), delimiter=_detect_delimiter(first), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            column = "" if "quote" not in str(error) else "quoted field"
            raise ReadError(max(reader.line_num, 1), column, _plain(str(error))) from None
        if cells and (len(cells) > 1 or cells[0].strip()):
            yield line, cells
        line = reader.line_num + 1


def _plain(error: str) -> str:
    if "unexpected end" in error:
        return "the file ends inside a quoted field"
    if "expected after" in error:
        return "a quotation mark inside a field must be doubled and the field quoted"
    if "field limit" in error:
        return "a field is longer than 131,072 characters; is a quotation mark missing?"
    return error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; one that does not end would be the whole file in memory."""
    number = 0
    while line := text.readline(_MAXIMUM_LINE):
        number += 1
        if len(line) >= _MAXIMUM_LINE:
            raise ReadError(number, "", f"a line of more than {_MAXIMUM_LINE} characters")
        yield line
