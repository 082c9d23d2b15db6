"""Lines of a journal as typed or as CSV: every fault at once, and never a crash."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.gl.journals.csv_lines import MAXIMUM_BYTES, parse_csv, write_csv
from payments.gl.journals.rules import (
    JournalLine,
    TypedLine,
    is_writable,
    read_day,
    read_lines,
)
from shared.errors import Invalid

ACCOUNTS = {"programme_expenditure": "expense", "own.fees": "expense", "bank.main": "asset"}


def read(*rows: tuple[str, str, str, str]) -> tuple[list[JournalLine], list[tuple[str, str]]]:
    typed = [TypedLine(place, *row) for place, row in enumerate(rows, 1)]
    lines, faults = read_lines(typed, ACCOUNTS, from_csv=False)
    return lines, [(fault.field, fault.message) for fault in faults]


def test_lines_are_pence_debit_positive_and_empty_ones_are_passed_over() -> None:
    lines, faults = read(
        ("own.fees", "1,234.50", "", " a  note "),
        ("", "", "", ""),
        ("programme_expenditure", "", "£1234.5", ""),
    )
    assert faults == []
    assert lines == [
        JournalLine("own.fees", 123_450, "a note"),
        JournalLine("programme_expenditure", -123_450),
    ]


def test_every_fault_of_every_line_is_said_at_once() -> None:
    _, faults = read(
        ("", "1.00", "", ""),
        ("bank.main", "", "", ""),
        ("nowhere", "1", "2", "x" * 201),
        ("own.fees", "1.234", "", ""),
        ("own.fees", "0", "", ""),
        ("own.fees", "", "-1", ""),
    )
    assert [field for field, _ in faults] == [
        "account-1",
        "account-2",
        "debit-2",
        "account-3",
        "debit-3",
        "note-3",
        "debit-4",
        "debit-5",
        "credit-6",
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("own.fees", "1", "", "")], "two lines"),
        ([("own.fees", "1", "", ""), ("own.fees", "", "1.01", "")], "£1.00 and credits £1.01"),
        ([("own.fees", "1", "", "")] * 501, "up to 500"),
    ],
    ids=["one", "unbalanced", "many"],
)
def test_a_journal_is_whole_and_balances(rows: list[tuple[str, str, str, str]], said: str) -> None:
    _, faults = read(*rows)
    assert [field for field, _ in faults] == ["account-1"]
    assert said in faults[0][1]


@pytest.mark.parametrize(
    ("code", "kind", "answer"),
    [
        ("programme_income", "income", True),
        ("own.deposits", "liability", True),
        ("opening_balance", "liability", True),
        ("vouchers_issued", "liability", False),
        ("payout_in_transit", "asset", False),
        ("suspense.main", "suspense", False),
        ("bank.own", "asset", False),
        ("other", "asset", False),
    ],
)
def test_who_writes_to_which_account(code: str, kind: str, *, answer: bool) -> None:
    assert is_writable(code, kind) is answer


def test_a_csv_names_the_line_of_each_fault() -> None:
    typed = parse_csv(
        b"Account;Debit;Credit;Note\nown.fees;1.00;;x\n\nbank.main;;1.00;\nown.fees;;;\n"
    )
    _, faults = read_lines(typed, ACCOUNTS, from_csv=True)
    assert [(fault.field, fault.message.split(":")[0]) for fault in faults] == [
        ("csv", "Line 4, account"),
        ("csv", "Line 5, debit"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"account,amount\n", "no column"),
        (b"debit,credit\n", "missing columns: account"),
        (b"account\n" + b"x\n" * 501, "more than 500"),
        (b"x" * (MAXIMUM_BYTES + 1), "500,000 bytes"),
        (b"account\n\0", "null"),
        (b"account\n\xff", "UTF-8"),
    ],
    ids=["unknown", "missing", "rows", "bytes", "null", "encoding"],
)
def test_a_csv_that_cannot_be_read_says_why(content: bytes, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_csv(content)
    assert said in caught.value.fields[0].message


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_or_refused(content: bytes) -> None:
    for start in (b"", b"account,debit,credit,note\n"):
        try:
            typed = parse_csv(start + content)
        except Invalid:
            continue
        lines, faults = read_lines(typed, ACCOUNTS, from_csv=True)
        assert faults or sum(line.amount_pence for line in lines) == 0


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_any_day_is_a_day_or_refused(day: str, month: str, year: str) -> None:
    try:
        found = read_day(day, month, year)
    except Invalid:
        return
    assert (found.day, found.month, found.year) == (int(day), int(month), int(year))


def test_what_is_written_is_no_formula() -> None:
    cells = [1, "posted", "=1+1", *["@x"] * 12, "-5"]
    back = list(csv.reader(io.StringIO("".join(write_csv([cells])), newline="")))
    assert len(back[0]) == len(back[1]) == 16
    assert not any(cell.startswith(("=", "@", "-", "+")) for cell in back[1])
