"""Bacs Standard 18 input files of any size, line by line (payments contract 6.1)."""

import string
from collections.abc import Iterator
from datetime import date, timedelta
from typing import BinaryIO

from payments.bank.standard18_reader import Standard18ReadError
from payments.uploads.readers.base import note
from payments.uploads.rules import (
    AMOUNT,
    EXECUTION_DATE,
    Claims,
    ReadError,
    Record,
    blank_fields,
    to_pounds,
)

_LABEL = 80
_WIDTHS = {"00100": 100, "00106": 106}
_MULTI = 106
_CREDIT, _CONTRA = "099", "017"
_MAXIMUM_LINE = 1_000
_ALPHABET = frozenset((string.ascii_letters + string.digits + ".&/-*, '()+:\r\n").encode())
_MAXIMUM_DAY = 366


class _Lines:
    """Numbered lines of a file; each is as long as a record may be, and no longer."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def next(self) -> str:
        raw = self._file.readline(_MAXIMUM_LINE)
        self.number += 1
        if len(raw) >= _MAXIMUM_LINE:
            raise Standard18ReadError(self.number, "the line is too long")
        if not _ALPHABET.issuperset(raw):
            raise Standard18ReadError(self.number, "a character that no bank takes")
        return raw.decode("ascii").rstrip("\r\n")

    def label(self, name: str, text: str | None = None) -> str:
        found = self.next() if text is None else text
        if not found.startswith(name) or len(found) > _LABEL:
            raise Standard18ReadError(self.number, f"{name} of {_LABEL} characters expected")
        return found.ljust(_LABEL)


class Standard18Reader:
    """Reads the credits of one submission; refuses all that is not paid out, and wrong totals."""

    def __init__(self, file: BinaryIO) -> None:
        self.claims = Claims()
        self.warnings: dict[str, int] = {}
        self._file = file

    def __iter__(self) -> Iterator[Record]:
        self._file.seek(0)
        try:
            yield from self._read(_Lines(self._file))
        except Standard18ReadError as error:
            raise ReadError(error.line, "", error.reason) from error

    def _read(self, lines: _Lines) -> Iterator[Record]:
        width = _read_headers(lines)
        count, total, contras, contra_total = 0, 0, 0, 0
        while not (text := lines.next()).startswith("EOF1"):
            if not text:
                raise Standard18ReadError(lines.number, "the file ends before EOF1")
            text = text.ljust(width)
            if len(text) != width:
                raise Standard18ReadError(lines.number, f"a record of {width} characters expected")
            kind = text[14:17]
            pence = _digits(lines, text, 36, 46, "amount")
            _digits(lines, text, 1, 14, "destination")
            _digits(lines, text, 18, 31, "originating account")
            if kind == _CONTRA:
                if text[:14] != text[17:31]:
                    raise Standard18ReadError(lines.number, "a contra to another account")
                contras, contra_total = contras + 1, contra_total + pence
                continue
            if kind != _CREDIT:
                raise Standard18ReadError(
                    lines.number,
                    f"transaction code {text[15:17]} at 16-17: only credits (99) are paid out",
                )
            count, total = count + 1, total + pence
            yield lines.number, self._fields(lines, text, pence, width)
        if contra_total != total or not contras:
            raise Standard18ReadError(
                lines.number, "the contra records differ from the sum of the credits"
            )
        self._read_trailers(lines, text, contras, contra_total)

    def _fields(self, lines: _Lines, text: str, pence: int, width: int) -> list[str]:
        fields = blank_fields()
        fields[0], fields[1] = text[0:6], text[6:14]
        fields[2], fields[4] = text[82:100].strip(), text[64:82].strip()
        fields[AMOUNT] = to_pounds(pence)
        if width == _MULTI and text[100:106].strip():
            # The day of processing; money is there on the day after, which the upload declares.
            _day(lines, text, 101)
            note(self.warnings, "processing_days")
            fields[EXECUTION_DATE] = ""
        return fields

    def _read_trailers(self, lines: _Lines, eof1: str, contras: int, contra_total: int) -> None:
        lines.label("EOF1", eof1)
        lines.label("EOF2")
        trailer = lines.label("UTL1")
        if _digits(lines, trailer, 5, 17, "debit total") != contra_total:
            raise Standard18ReadError(lines.number, "UTL1: the debit total differs from the contra")
        if _digits(lines, trailer, 31, 37, "debit count") != contras:
            raise Standard18ReadError(lines.number, "UTL1: the debit count differs from the contra")
        self.claims = Claims(
            count=_digits(lines, trailer, 38, 44, "credit count"),
            pence=_digits(lines, trailer, 18, 30, "credit total"),
        )
        while text := lines.next():
            if text.strip():
                raise Standard18ReadError(lines.number, "something follows UTL1")


def _read_headers(lines: _Lines) -> int:
    """Check the labels in front; returns the width of the records."""
    volume, header = lines.label("VOL1"), lines.label("HDR1")
    second, user_header = lines.label("HDR2"), lines.label("UHL1")
    if _digits(lines, volume, 5, 10, "serial") == 0:
        raise Standard18ReadError(1, "the submission serial is zero")
    if header[4] != "A":
        raise Standard18ReadError(2, "HDR1: A expected at 5")
    if header[5:11] != volume[41:47]:
        raise Standard18ReadError(2, "HDR1: the service user number differs from VOL1")
    width = _WIDTHS.get(second[10:15])
    if width is None:
        raise Standard18ReadError(3, "HDR2: the record length must be 00100 or 00106")
    _day(lines, user_header, 5)
    return width


def _digits(lines: _Lines, text: str, first: int, last: int, what: str) -> int:
    found = text[first - 1 : last]
    if not (found.isascii() and found.isdigit()):
        raise Standard18ReadError(lines.number, f"{what} at {first}-{last} must be digits")
    return int(found)


def _day(lines: _Lines, text: str, first: int) -> date:
    found = text[first - 1 : first + 5]
    year, day = found[1:3], found[3:6]
    if (
        found[0] != " "
        or not (year + day).isdigit()
        or len(year + day) != len("YYDDD")
        or not 1 <= int(day) <= _MAXIMUM_DAY
    ):
        raise Standard18ReadError(lines.number, f"no date bYYDDD at {first}")
    return date(2000 + int(year), 1, 1) + timedelta(days=int(day) - 1)
