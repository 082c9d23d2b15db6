"""Reads Bacs Standard 18 input files strictly; every fault has its line (payments contract 6.1)."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from payments.bank.standard18 import Credit, Originator

_LABEL = 80
_WIDTHS = {"00100": 100, "00106": 106}
_CREDIT, _CONTRA = "99", "17"
_ALPHABET = re.compile(r"[A-Z0-9.&/\- *]*")
_MINIMUM_LINES = 9


class Standard18ReadError(ValueError):
    """The file is not a Standard 18 input file; says in which line and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class ReadFile:
    """What a file says: who pays, when, and whom."""

    originator: Originator
    serial: str
    processing_day: date
    created_on: date
    credits: tuple[Credit, ...]
    total_pence: int


class _Line:
    """One record with its number; fields by the positions of the specification, from 1."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text

    def field(self, first: int, last: int) -> str:
        return self.text[first - 1 : last]

    def digits(self, first: int, last: int, what: str) -> int:
        found = self.field(first, last)
        if not (found.isascii() and found.isdigit()):
            raise Standard18ReadError(self.number, f"{what} at {first}-{last} must be digits")
        return int(found)

    def is_label(self, name: str) -> None:
        if self.field(1, 4) != name or len(self.text) != _LABEL:
            raise Standard18ReadError(self.number, f"{name} of {_LABEL} characters expected")

    def day(self, first: int) -> date:
        found = re.fullmatch(r" (\d\d)(\d\d\d)", self.field(first, first + 5), re.ASCII)
        if found is None or not 1 <= int(found[2]) <= 366:  # noqa: PLR2004 - days of a year
            raise Standard18ReadError(self.number, f"no date bYYDDD at {first}")
        day = date(2000 + int(found[1]), 1, 1) + timedelta(days=int(found[2]) - 1)
        if day.year != 2000 + int(found[1]):
            raise Standard18ReadError(self.number, f"no such day of the year at {first}")
        return day


def read_file(content: bytes) -> ReadFile:
    """Return what a Standard 18 file says; refuses it at the first fault.

    Checked are the order of records, labels, widths, alphabet, transaction codes (99 and 17 only),
    one contra per processing day that equals its credits, and the totals of UTL1.

    Raises:
        Standard18ReadError: with line and reason.
    """
    lines = _lines(content)
    if len(lines) < _MINIMUM_LINES:
        raise Standard18ReadError(len(lines), "the file ends too early")
    for line, label in zip(lines[:4], ("VOL1", "HDR1", "HDR2", "UHL1"), strict=True):
        line.is_label(label)
    for line, label in zip(lines[-3:], ("EOF1", "EOF2", "UTL1"), strict=True):
        line.is_label(label)
    volume, header, second, user_header = lines[:4]
    serial = volume.field(5, 10)
    if volume.digits(5, 10, "serial") == 0 or header.field(22, 27) != serial:
        raise Standard18ReadError(header.number, "set id and volume serial differ or are zero")
    if header.field(6, 11) != volume.field(42, 47):
        raise Standard18ReadError(header.number, "service user number differs from VOL1")
    if lines[-3].text[4:54] != header.text[4:54] or lines[-2].text[4:] != second.text[4:]:
        raise Standard18ReadError(lines[-3].number, "the EOF labels do not repeat the HDR labels")
    width = _WIDTHS.get(second.field(11, 15))
    if width is None:
        raise Standard18ReadError(second.number, "record length must be 00100 or 00106")
    records = _read_records(lines[4:-3], width)
    originator = _originator(records, volume.field(42, 47), lines[-3].number)
    total = sum(credit.amount_pence for _, credit in records.credits)
    _check_totals(lines[-1], total, len(records.contras), len(records.credits))
    return ReadFile(
        originator,
        serial,
        user_header.day(5),
        header.day(42),
        tuple(credit for _, credit in records.credits),
        total_pence=total,
    )


def _lines(content: bytes) -> list[_Line]:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise Standard18ReadError(number, "a character outside ASCII") from None
    found = [_Line(number, line) for number, line in enumerate(re.split(r"\r?\n", text), 1)]
    if found and not found[-1].text:
        found.pop()
    for line in found:
        if not _ALPHABET.fullmatch(line.text):
            raise Standard18ReadError(line.number, "a character outside the Bacs alphabet")
    return found


@dataclass
class _Records:
    """The records between the labels: credits with their lines, contras by processing day."""

    credits: list[tuple[_Line, Credit]] = field(default_factory=list)
    contras: dict[date | None, _Line] = field(default_factory=dict)


def _read_records(lines: list[_Line], width: int) -> _Records:
    found = _Records()
    for line in lines:
        if len(line.text) != width:
            raise Standard18ReadError(line.number, f"a record of {width} characters expected")
        line.digits(1, 14, "destination")
        line.digits(18, 31, "originating account")
        day = line.day(101) if width == _WIDTHS["00106"] else None
        if _is_contra(line):
            if day in found.contras:
                raise Standard18ReadError(line.number, "a second contra of the same day")
            found.contras[day] = line
        else:
            found.credits.append((line, _credit(line, day)))
    return found


def _is_contra(line: _Line) -> bool:
    is_own = line.field(1, 14) == line.field(18, 31) and line.field(65, 70) == "CONTRA"
    return line.field(15, 17) == f"0{_CONTRA}" and is_own


def _credit(line: _Line, day: date | None) -> Credit:
    if line.field(15, 17) != f"0{_CREDIT}":
        raise Standard18ReadError(
            line.number, f"transaction code {line.field(16, 17)}: only credits (99) are paid out"
        )
    amount = line.digits(36, 46, "amount")
    if amount == 0:
        raise Standard18ReadError(line.number, "an amount of zero")
    return Credit(
        line.field(1, 6),
        line.field(7, 14),
        line.field(83, 100).rstrip(),
        amount,
        line.field(65, 82).rstrip(),
        day,
    )


def _originator(records: _Records, user: str, last: int) -> Originator:
    """Return who pays; refuses several accounts, and contras that their credits do not make."""
    if not records.contras:
        raise Standard18ReadError(last, "the contra record (17) is missing")
    contra = next(iter(records.contras.values()))
    account = contra.field(1, 14)
    totals: dict[date | None, int] = dict.fromkeys(records.contras, 0)
    for line, credit in records.credits:
        if line.field(18, 31) != account:
            raise Standard18ReadError(line.number, "another originating account than the contra's")
        if credit.processing_day not in totals:
            raise Standard18ReadError(line.number, "no contra for the day of this record")
        totals[credit.processing_day] += credit.amount_pence
    for day, line in records.contras.items():
        if line.field(1, 14) != account:
            raise Standard18ReadError(line.number, "a second originating account")
        if line.digits(36, 46, "contra amount") != totals[day] or not totals[day]:
            raise Standard18ReadError(line.number, "the contra differs from the sum of the credits")
    return Originator(user, account[:6], account[6:], contra.field(83, 100).rstrip())


def _check_totals(line: _Line, total: int, contras: int, count: int) -> None:
    found = (
        line.digits(5, 17, "debit total"),
        line.digits(18, 30, "credit total"),
        line.digits(31, 37, "debit count"),
        line.digits(38, 44, "credit count"),
    )
    if found != (total, total, contras, count):
        raise Standard18ReadError(line.number, "UTL1 differs from the sums and counts of the file")
