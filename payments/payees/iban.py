"""IBANs of United Kingdom accounts, turned into the sort code and account that Bacs pays to."""

import re
from dataclasses import replace

from payments.payees.bank_details import BankDetails, normalise
from shared.errors import FieldError, Invalid

_SHAPE = re.compile(r"GB\d{2}[A-Z]{4}\d{14}", re.ASCII)
_LENGTH = 22
_COUNTRY = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)


def normalise_iban(iban: str, roll_number: str = "") -> BankDetails:
    """Return the details of a UK IBAN, with the IBAN itself; refuses every other text.

    Raises:
        Invalid: names ``iban`` (or ``roll_number``): not an IBAN, of another country, or its two
            check digits do not fit.
    """
    compact = re.sub(r"[\s.\-‐‑–]", "", iban).upper().removeprefix("IBAN")
    if not _SHAPE.fullmatch(compact):
        foreign = _COUNTRY.fullmatch(compact) and not compact.startswith("GB")
        raise Invalid(
            FieldError(
                "iban",
                "Payments are made to accounts in the United Kingdom: enter an IBAN that begins"
                " with GB"
                if foreign
                else f"Enter a UK IBAN of {_LENGTH} letters and numbers, like"
                " GB29 NWBK 6016 1331 9268 19",
            )
        )
    if not has_good_check_digits(compact):
        raise Invalid(FieldError("iban", "Check the IBAN: its check digits do not fit the rest"))
    try:
        details = normalise(compact[8:14], compact[14:], roll_number)
    except Invalid as invalid:
        fields = [
            fault if fault.field == "roll_number" else FieldError("iban", fault.message)
            for fault in invalid.fields
        ]
        raise Invalid(*fields) from invalid
    return replace(details, iban=compact, derivation="taken from the IBAN")


def has_good_check_digits(iban: str) -> bool:
    """Tell whether an IBAN without blanks leaves 1 when divided by 97 (ISO 13616)."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def read_details(
    sort_code: str, account_number: str, roll_number: str = "", iban: str = ""
) -> BankDetails:
    """Return details given as sort code and account number, or as an IBAN, or as both alike.

    Raises:
        Invalid: a field is malformed, or the IBAN is of another account than the numbers.
    """
    if not iban.strip():
        return normalise(sort_code, account_number, roll_number)
    details = normalise_iban(iban, roll_number)
    if sort_code.strip() or account_number.strip():
        typed = normalise(sort_code, account_number, roll_number)
        if typed.identification != details.identification:
            raise Invalid(
                FieldError("iban", "The IBAN is of another account than the sort code and number")
            )
        return replace(typed, iban=details.iban)
    return details


def show_iban(iban: str) -> str:
    """Return an IBAN in groups of four, as it is printed."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
