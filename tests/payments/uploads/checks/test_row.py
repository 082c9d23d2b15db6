"""One row: all its faults at once, and what is only warned about."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.payees.modulus.check import check_account
from payments.payees.modulus.tables import ModulusTables, parse_weights
from payments.uploads.checks.copying import escape, make_public_ids
from payments.uploads.checks.modulus import FastModulus
from payments.uploads.checks.row import RowChecker
from payments.uploads.rules import COLUMNS, NEEDED, blank_fields, to_pence
from shared.money import parse_pounds

TODAY = date(2026, 11, 24)
GOOD = ("990001", "10000012", "Morag Fictional", "12.50", "GRANT-0001")
# Invented weights: a plain row of each method, a pair that must both pass, and an exception.
TABLES = ModulusTables(
    parse_weights(
        """
        100000 199999 MOD11 0 0 0 0 0 0 7 5 8 3 4 6 2 1
        200000 299999 DBLAL 2 1 2 1 2 1 2 1 2 1 2 1 2 1
        300000 399999 MOD10 0 0 0 0 0 0 3 7 1 3 7 1 3 1
        400000 499999 MOD11 0 0 0 0 0 0 7 5 8 3 4 6 2 1
        400000 499999 DBLAL 2 1 2 1 2 1 2 1 2 1 2 1 2 1
        500000 599999 MOD11 0 0 0 0 0 0 7 5 8 3 4 6 2 1 4
        600000 699999 MOD11 0 0 1 2 5 3 6 4 8 7 10 9 3 1 2
        600000 699999 MOD11 0 0 0 0 0 0 0 0 8 7 10 9 3 1 9
        """
    ),
    {},
    "test",
)


def checker(**changes: object) -> RowChecker:
    tables = changes.get("tables")
    assert tables is None or isinstance(tables, ModulusTables)
    entry_on = changes.get("entry_on")
    assert entry_on is None or isinstance(entry_on, date)
    return RowChecker(FastModulus(tables), "personal", entry_on, TODAY)


def row(**changes: str) -> tuple[int, list[str]]:
    fields = blank_fields()
    values = dict(zip(NEEDED, GOOD, strict=True)) | changes
    for name, value in values.items():
        fields[COLUMNS.index(name)] = value
    return 2, fields


def test_a_good_row_pays() -> None:
    good, faults = checker().check(row(gl_code="4100", account_type="BUSINESS"))
    assert faults == []
    assert good is not None
    assert (good.amount_pence, good.account_type, good.gl_code) == (1250, "business", "4100")
    assert good.details.account_number == "10000012"
    assert good.modulus_result == "not_checked"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"amount": "12.345"}, ["amount"]),
        ({"amount": "0"}, ["amount"]),
        ({"amount": "-1"}, ["amount"]),
        ({"amount": "20000000.01"}, ["amount"]),
        ({"amount": "1e3"}, ["amount"]),
        ({"destination_sort_code": "000000"}, ["sort_code"]),
        ({"destination_sort_code": "12345"}, ["sort_code"]),
        ({"destination_account_number": "1234"}, ["account_number"]),
        ({"destination_account_number": "123456789"}, ["account_number"]),
        ({"destination_name": " "}, ["payee_name"]),
        ({"destination_name": "A\x07B"}, ["payee_name"]),
        ({"destination_name": "N" * 141}, ["payee_name"]),
        ({"reference": ""}, ["reference"]),
        ({"reference": "R" * 19}, ["reference"]),
        ({"reference": "***"}, ["reference"]),
        ({"account_type": "joint"}, ["account_type"]),
        ({"roll_number": "!"}, ["roll_number"]),
        ({"payee_id": "7"}, ["payee_id"]),
        ({"gl_code": "4100\t"}, ["gl_code"]),
        ({"invoice_reference": "i" * 61}, ["invoice_reference"]),
        ({"invoice_received_date": "2026-11-25"}, ["invoice_received_date"]),
        ({"invoice_received_date": "30/02/2026"}, ["invoice_received_date"]),
        ({"execution_date": "soon"}, ["execution_date"]),
        ({"execution_date": "2026-11-23"}, ["execution_date"]),
        (
            {"amount": "x", "destination_name": "", "reference": "", "gl_code": "?"},
            ["amount", "payee_name", "reference", "gl_code"],
        ),
    ],
    ids=lambda value: (
        "+".join(value) + str(next(iter(value.values())))[:12] if isinstance(value, dict) else None
    ),
)
def test_every_fault_is_told(changes: dict[str, str], fields: list[str]) -> None:
    good, faults = checker().check(row(**changes))
    assert good is None
    assert [fault[0] for fault in faults] == fields
    # Bank details are never repeated in an error.
    assert all("10000012" not in "".join(fault) for fault in faults)


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"destination_name": "Seònaid"}, "name_characters"),
        ({"destination_name": "A name longer than eighteen"}, "name_cut"),
        ({"reference": "GRANT_0001"}, "reference_characters"),
        ({"reference": "AAAAAAAA"}, "reference_poor"),
        ({"reference": "ABC"}, "reference_poor"),
        ({"reference": "DDIC-12345"}, "reference_poor"),
    ],
)
def test_what_is_warned_about(changes: dict[str, str], warning: str) -> None:
    one = checker()
    good, faults = one.check(row(**changes))
    assert (good is not None, faults) == (True, [])
    assert one.warnings == {"modulus_not_checked": 1, warning: 1}


def test_an_impossible_account_is_an_error() -> None:
    one = checker(tables=TABLES)
    wrong = row(destination_sort_code="100000", destination_account_number="10000013")
    _, faults = one.check(wrong)
    assert [fault[0] for fault in faults] == ["account_number"]
    good, _ = one.check(row(destination_sort_code="100000", destination_account_number="58177632"))
    assert good is not None
    assert good.modulus_result == "valid"
    assert one.warnings == {}


@given(st.integers(1, 999_999), st.integers(0, 99_999_999))
def test_the_fast_modulus_check_says_the_same(sort_code: int, account: int) -> None:
    code, number = f"{sort_code:06d}", f"{account:08d}"
    fast = FastModulus(TABLES)
    assert fast.check(code, number) == check_account(TABLES, code, number).result
    assert fast.check(code, number) == check_account(TABLES, code, number).result


@given(st.lists(st.text(max_size=40), min_size=12, max_size=12))
def test_no_texts_break_the_checker(texts: list[str]) -> None:
    fields = [*texts, "", "", ""]
    good, faults = checker(tables=TABLES).check((2, fields))
    assert (good is None) == bool(faults)


@given(
    st.one_of(
        st.text(max_size=12), st.from_regex(r"£?\d{1,3}(,\d{3})*(\.\d{0,3})?", fullmatch=True)
    )
)
def test_amounts_are_read_as_everywhere_else(text: str) -> None:
    found = to_pence(text)
    if found is not None:
        assert found == parse_pounds(text)


@given(st.text(max_size=30))
def test_copied_texts_have_no_separators(text: str) -> None:
    assert not {"\t", "\n", "\r"} & set(escape(text))


def test_public_ids_are_many_and_different() -> None:
    found = list(make_public_ids(25_000))
    assert len(set(found)) == 25_000
    letters = "".join(found)
    assert {len(one) for one in found} == {26}
    counts = [letters.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    assert sum(counts) == len(letters)
    expected = len(letters) / 36
    assert all(abs(count - expected) < expected / 20 for count in counts)
