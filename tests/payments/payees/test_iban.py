"""UK IBANs become sort code and account; nothing else passes for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.payees.bank_details import BankDetails, normalise
from payments.payees.iban import has_good_check_digits, normalise_iban, read_details, show_iban
from shared.errors import Invalid

GOOD = "GB29NWBK60161331926819"  # the example of the standard


def _with_check_digits(bank: str, digits: str) -> str:
    for number in range(2, 99):
        iban = f"GB{number:02d}{bank}{digits}"
        if has_good_check_digits(iban):
            return iban
    raise AssertionError(digits)


@pytest.mark.parametrize(
    "typed",
    [GOOD, "GB29 NWBK 6016 1331 9268 19", "gb29-nwbk-6016-1331-9268-19", f"IBAN {GOOD}"],
    ids=["plain", "grouped", "lower", "labelled"],
)
def test_an_iban_is_converted_and_kept(typed: str) -> None:
    details = normalise_iban(typed)
    assert (details.sort_code, details.account_number) == ("601613", "31926819")
    assert (details.iban, details.derivation) == (GOOD, "taken from the IBAN")
    assert show_iban(details.iban) == "GB29 NWBK 6016 1331 9268 19"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("GB30NWBK60161331926819", "check digits"),
        ("GB29NWBK60161331926891", "check digits"),
        ("DE89370400440532013000", "United Kingdom"),
        ("GB29NWBK6016133192681", "like GB29"),
        ("x", "like GB29"),
        ("GB29NWBK６０161331926819", "like GB29"),
        (_with_check_digits("NWBK", "00000031926819"), "sort code"),
    ],
    ids=["check-digits", "swapped", "foreign", "short", "word", "wide-digits", "zero-sort-code"],
)
def test_another_text_is_refused_with_its_reason(typed: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise_iban(typed)
    assert [fault.field for fault in refused.value.fields] == ["iban"]
    assert words in refused.value.fields[0].message


def test_both_ways_have_to_agree() -> None:
    assert read_details("60-16-13", "31926819", "", GOOD).iban == GOOD
    with pytest.raises(Invalid, match="Check"):
        read_details("60-16-13", "31926818", "", GOOD)
    with pytest.raises(Invalid):
        read_details("", "")


@given(st.integers(1, 999_999), st.integers(0, 99_999_999))
def test_every_account_survives_its_iban(sort_code: int, account: int) -> None:
    digits = f"{sort_code:06d}{account:08d}"
    details = normalise_iban(_with_check_digits("ABCD", digits))
    assert details.identification == digits


@given(st.integers(0, 13), st.integers(0, 9))
def test_one_wrong_digit_is_always_found(place: int, digit: int) -> None:
    start = 8 + place
    wrong = GOOD[:start] + str(digit) + GOOD[start + 1 :]
    assert has_good_check_digits(wrong) == (wrong == GOOD)


@given(st.text(max_size=60))
def test_no_text_breaks_the_readers(typed: str) -> None:
    for read in (normalise_iban, lambda text: normalise(text, text, text)):
        assert _kind_of(read, typed) in ("details", "refused")


def _kind_of(read: object, typed: str) -> str:
    assert callable(read)
    try:
        found = read(typed)
    except Invalid as invalid:
        return "refused" if invalid.fields else "silent"
    return "details" if isinstance(found, BankDetails) else "other"
