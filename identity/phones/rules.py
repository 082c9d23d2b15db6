"""Which telephone numbers we write to, and how; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from identity.codes.rules import Target
from shared.errors import FieldError, Invalid

Kind = Literal["mobile", "landline"]
_HOME = "GB"
_KINDS: dict[int, Kind] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
}
# Ofcom keeps these for drama: they belong to nobody. For demonstrations and tests only.
_INVENTED: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"\+447700900\d{3}"), "mobile"),
    (re.compile(r"\+441632960\d{3}"), "landline"),
)
_BY_MAIL_OR_PHONE = frozenset({"password", "email_code", "recovery", "sms_code", "voice_code"})
_WRONG = "Enter a telephone number, like 07700 900 982 or 0131 496 0000"


@dataclass(frozen=True)
class Number:
    """A number in E.164 and what kind of telephone it is."""

    e164: str = field(repr=False)
    kind: Kind

    @property
    def target(self) -> Target:
        """Where a code for this number goes: a text to a mobile, a call to a landline."""
        return Target("sms" if self.kind == "mobile" else "voice", self.e164)


def kind_of(stored: str) -> Kind:
    """Return the kind of a telephone from what a row or a channel says."""
    return "mobile" if stored in ("mobile", "sms") else "landline"


def check_number(typed: str, countries: Sequence[str], *, allow_invented: bool) -> Number:
    """Return a number that we may send codes to; refuses others, naming the field ``phone``.

    Refused are numbers of other countries, and every kind that costs more or is not a person's:
    premium, shared-cost, free, company-wide and personal-numbering services.
    """
    if not typed.strip():
        raise _fault("Enter your telephone number")
    try:
        number = phonenumbers.parse(typed, _HOME)
    except phonenumbers.NumberParseException:
        raise _fault(_WRONG) from None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if number.extension:
        raise _fault("Enter a number without an extension: we cannot dial one")
    if allow_invented:
        for pattern, kind in _INVENTED:
            if pattern.fullmatch(e164):
                return Number(e164, kind)
    if not phonenumbers.is_valid_number(number):
        raise _fault(_WRONG)
    if phonenumbers.region_code_for_number(number) not in countries:
        raise _fault("We cannot send codes to numbers of this country. Use another number")
    kind_found = _KINDS.get(phonenumbers.number_type(number))
    if kind_found is None:
        raise _fault("Use a mobile or a landline number: we cannot send codes to this kind")
    return Number(e164, kind_found)


def _fault(message: str) -> Invalid:
    return Invalid(FieldError("phone", message))


def is_proved_otherwise(factors: Sequence[str]) -> bool:
    """Tell whether a session was opened with more than a mailbox and the telephone itself."""
    return bool(set(factors) - _BY_MAIL_OR_PHONE)


def show_number(e164: str) -> str:
    """Return a number as its owner writes it."""
    number = phonenumbers.parse(e164, None)
    form = (
        PhoneNumberFormat.NATIONAL if number.country_code == 44 else PhoneNumberFormat.INTERNATIONAL  # noqa: PLR2004 - the United Kingdom
    )
    return phonenumbers.format_number(number, form)
