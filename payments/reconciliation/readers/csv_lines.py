"""Reads statements in CSV by a mapping that is saved for the account."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers.common import decode, kind_of, said, to_pence
from payments.reconciliation.rules import ReadStatements, Statement, StatementLine

DAY_FORMATS = {
    "dd/mm/yyyy": "%d/%m/%Y",
    "dd/mm/yy": "%d/%m/%y",
    "yyyy-mm-dd": "%Y-%m-%d",
    "dd-mm-yyyy": "%d-%m-%Y",
    "dd mmm yyyy": "%d %b %Y",
    "mm/dd/yyyy": "%m/%d/%Y",
}
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}
MAXIMUM_LINES = 1_000_000
_MAXIMUM_COLUMNS = 200
_MAXIMUM_FIELD = 10_000
_AMOUNT = re.compile(
    r"(?P<sign>[-+]?)£?(?P<whole>\d{1,3}(,\d{3})+|\d{1,15})(\.(?P<rest>\d+))?", re.ASCII
)


@dataclass(frozen=True)
class ColumnMap:
    """Which column holds what; a column is named as the file's first line names it.

    Either ``amount`` (signed) or ``money_in`` and ``money_out`` say how much; ``balance`` is the
    balance after the line and gives opening and closing.
    """

    day: str = ""
    amount: str = ""
    money_in: str = ""
    money_out: str = ""
    reference: str = ""
    name: str = ""
    code: str = ""
    balance: str = ""
    day_format: str = "dd/mm/yyyy"
    separator: str = "comma"
    newest_first: bool = False

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """Return a mapping from what was saved; unknown members are left out."""
        known = {one.name for one in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        return cls(**given)  # type: ignore[arg-type]  # checked by ``faults``

    def faults(self, header: Sequence[str]) -> dict[str, str]:
        """Return what is wrong with the mapping for a file with these columns, by field."""
        found = {}
        if not self.day:
            found["day"] = "Choose the column of the day"
        if not self.amount and not (self.money_in or self.money_out):
            found["amount"] = "Choose the column of the amount, or those of money in and out"
        if self.amount and (self.money_in or self.money_out):
            found["amount"] = "Choose either one column of the amount or those of money in and out"
        for name in (
            "day",
            "amount",
            "money_in",
            "money_out",
            "reference",
            "name",
            "code",
            "balance",
        ):
            column = getattr(self, name)
            if column and column not in header:
                found.setdefault(name, f"The file has no column {column[:50]}")
        if self.day_format not in DAY_FORMATS:
            found["day_format"] = "Choose how days are written"
        if self.separator not in SEPARATORS:
            found["separator"] = "Choose what separates the columns"
        return found


def looks_like_csv(content: bytes) -> bool:
    """Tell whether a file may be a table: a first line with two columns or more."""
    first = content[:4096].split(b"\n", 1)[0]
    return b"\0" not in first and any(one in first for one in (b",", b";", b"\t"))


def guess_separator(content: bytes) -> str:
    """Return the separator that the first line has most of."""
    first = content[:4096].split(b"\n", 1)[0].decode("latin-1")
    return max(SEPARATORS, key=lambda name: first.count(SEPARATORS[name]))


def read_header(content: bytes, separator: str) -> list[str]:
    """Return the names of the columns.

    Raises:
        UnreadableError: no line at all, or too many columns.
    """
    rows = _rows(decode(content), separator)
    _, header = next(rows, (1, []))
    if not header:
        raise UnreadableError(1, "the file is empty")
    return [name.strip() for name in header]


def read(content: bytes, mapping: ColumnMap) -> ReadStatements:
    """Return the one statement of a file; days, amounts and balances must be as the mapping says.

    Raises:
        UnreadableError: with line, column and reason.
    """
    text = decode(content)
    header = read_header(content, mapping.separator)
    if faults := mapping.faults(header):
        raise UnreadableError(1, next(iter(faults.values())))
    rows = _rows(text, mapping.separator)
    next(rows)
    lines: list[StatementLine] = []
    balances: list[int | None] = []
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise UnreadableError(
                number,
                f"column {min(len(row), len(header)) + 1}: {len(row)} columns, not {len(header)}",
            )
        cells = dict(zip(header, row, strict=True))
        line = _line(cells, mapping, number)
        if line is not None:
            lines.append(line)
            balances.append(_optional(cells, mapping.balance, number))
        if len(lines) > MAXIMUM_LINES:
            raise UnreadableError(number, f"more than {MAXIMUM_LINES} lines")
    if not lines:
        raise UnreadableError(1, "no line with an amount")
    if mapping.newest_first:
        lines.reverse()
        balances.reverse()
    return ReadStatements("csv", (_statement(lines, balances),))


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS[separator], strict=True)
    try:
        for row in reader:
            if len(row) > _MAXIMUM_COLUMNS:
                raise UnreadableError(reader.line_num, "too many columns")
            yield reader.line_num, [cell[:_MAXIMUM_FIELD] for cell in row]
    except csv.Error as error:
        raise UnreadableError(reader.line_num, f"not CSV: {error}") from None


def _statement(lines: Sequence[StatementLine], balances: Sequence[int | None]) -> Statement:
    days = [line.booking_date for line in lines]
    closing, first = balances[-1], balances[0]
    opening = None if first is None else first - lines[0].amount_pence
    return Statement(
        "",
        "",
        "GBP",
        f"{min(days).isoformat()} – {max(days).isoformat()}",
        None,
        opening if closing is not None else None,
        closing if opening is not None else None,
        min(days),
        max(days),
        tuple(lines),
    )


def _line(cells: Mapping[str, str], mapping: ColumnMap, number: int) -> StatementLine | None:
    written = cells[mapping.day].strip()
    try:
        booked = datetime.strptime(written, DAY_FORMATS[mapping.day_format]).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise UnreadableError(
            number, f"column {mapping.day}: {written[:20]!r} is not a day as {mapping.day_format}"
        ) from None
    pence = _amount(cells, mapping, number)
    if pence == 0:
        return None
    code = cells[mapping.code].strip()[:20] if mapping.code else ""
    return StatementLine(
        amount_pence=pence,
        booking_date=booked,
        value_date=booked,
        kind=kind_of(pence, code),
        bank_code=code,
        reference=said(cells[mapping.reference]) if mapping.reference else "",
        counterparty_name=cells[mapping.name].strip()[:140] if mapping.name else "",
        narrative="",
    )


def _amount(cells: Mapping[str, str], mapping: ColumnMap, number: int) -> int:
    if mapping.amount:
        found = _optional(cells, mapping.amount, number)
        if found is None:
            raise UnreadableError(number, f"column {mapping.amount}: no amount")
        return found
    money_in = _optional(cells, mapping.money_in, number) or 0
    money_out = _optional(cells, mapping.money_out, number) or 0
    if money_in and money_out:
        raise UnreadableError(number, f"columns {mapping.money_in} and {mapping.money_out}: both")
    return money_in - abs(money_out)


def _optional(cells: Mapping[str, str], column: str, number: int) -> int | None:
    if not column or not (text := cells[column].strip()):
        return None
    found = _AMOUNT.fullmatch(text.replace(" ", ""))
    if found is None:
        raise UnreadableError(number, f"column {column}: {text[:20]!r} is not an amount")
    plain = f"{found['sign']}{found['whole'].replace(',', '')}.{found['rest'] or '0'}"
    return to_pence(plain, number, f"column {column}")
