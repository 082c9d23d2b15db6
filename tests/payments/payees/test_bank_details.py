"""What people type becomes six and eight digits, or is refused with the field named."""

import pytest

from payments.payees.bank_details import (
    DetailsVault,
    account_fingerprint,
    mask_account_number,
    normalise,
    payee_fingerprint,
)
from shared.crypto import SealBrokenError, Sealer
from shared.errors import Invalid


@pytest.mark.parametrize(
    ("sort_code", "account", "expected"),
    [
        ("99-00-01", "12345678", ("990001", "12345678")),
        (" 99 00 01 ", "1234 5678", ("990001", "12345678")),
        ("99.00.01", "12345678", ("990001", "12345678")),
        ("990001", "1234567", ("990001", "01234567")),
        ("990001", "123456", ("990001", "00123456")),
        ("090126", "123456789", ("090121", "23456789")),
        ("720000", "512345678", ("720005", "12345678")),
        ("892999", "912345678", ("892999", "12345678")),
        ("010203", "9912345678", ("010203", "12345678")),
        ("500000", "99-12345678", ("500000", "12345678")),
        ("669999", "9912345678", ("669999", "12345678")),
        ("080001", "1234567899", ("080001", "12345678")),
        ("089999", "1234567899", ("089999", "12345678")),
    ],
)
def test_good_details(sort_code: str, account: str, expected: tuple[str, str]) -> None:
    details = normalise(sort_code, account)
    assert (details.sort_code, details.account_number) == expected
    assert details.typed_account_number == account.strip()
    assert (details.derivation == "as typed") == (len(account.replace(" ", "")) == 8)


@pytest.mark.parametrize(
    ("sort_code", "account", "fields"),
    [
        ("000000", "12345678", ["sort_code"]),
        ("12345", "12345678", ["sort_code"]),
        ("1234567", "12345678", ["sort_code"]),
        ("99-00-0a", "12345678", ["sort_code"]),
        ("٩٩٠٠٠١", "12345678", ["sort_code"]),
        ("990001", "12345", ["account_number"]),
        ("990001", "12345678901", ["account_number"]),
        ("990001", "1234-5678", ["account_number"]),
        ("990001", "1234567a", ["account_number"]),
        ("990001", "123456789", ["account_number"]),
        ("083000", "1234567890", ["account_number"]),
        ("990001", "1234567890", ["account_number"]),
        ("", "", ["sort_code", "account_number"]),
    ],
)
def test_bad_details_name_the_field(sort_code: str, account: str, fields: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        normalise(sort_code, account)
    assert [fault.field for fault in refused.value.fields] == fields


def test_a_roll_number_is_kept_in_capitals_and_checked() -> None:
    assert normalise("990001", "12345678", " ab/12-3 ").roll_number == "AB/12-3"
    for wrong in ("A" * 19, "AB_1"):
        with pytest.raises(Invalid) as refused:
            normalise("990001", "12345678", wrong)
        assert [fault.field for fault in refused.value.fields] == ["roll_number"]


def test_sealed_details_belong_to_one_record(sealer: Sealer) -> None:
    vault = DetailsVault(sealer, "secret")
    details = normalise("990001", "12345678", "R1")
    sealed = vault.seal(details, "payment:1")
    assert b"12345678" not in sealed
    assert vault.open(sealed, "payment:1") == details
    with pytest.raises(SealBrokenError):
        vault.open(sealed, "payment:2")


def test_fingerprints_know_the_same_payee_however_it_is_typed(sealer: Sealer) -> None:
    vault = DetailsVault(sealer, "secret")
    one, other = normalise("99-00-01", "1234567"), normalise("990001", "01234567")
    assert account_fingerprint(vault, one) == account_fingerprint(vault, other)
    assert payee_fingerprint(vault, "Morag  FICTIONAL ", "personal", one) == payee_fingerprint(
        vault, "morag fictional", "personal", other
    )
    assert payee_fingerprint(vault, "M", "personal", one) != payee_fingerprint(
        vault, "M", "business", one
    )
    assert account_fingerprint(DetailsVault(sealer, "x"), one) != account_fingerprint(vault, one)


def test_only_four_digits_can_be_read() -> None:
    assert mask_account_number("12345678") == "••••5678"
