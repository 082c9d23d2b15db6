"""Turns what a form sent into an answer, or says which field is wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from gateway.journeys.definition.model import Attribute
from shared.errors import FieldError, Invalid
from shared.money import format_pounds, parse_pounds

Fields = Mapping[str, Sequence[str]]
Say = Callable[[str], str]

_POSTCODE = re.compile(r"(GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKMNPRSTUVWXY]? ?[0-9][A-Z]{2})")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’-])*")
_DIGITS = re.compile(r"[0-9]+")
_SORT_CODE_DIGITS = 6
_ACCOUNT_DIGITS = (6, 8)
_MAXIMUM_ACCOUNT_NAME = 70
_MAXIMUM_ROLL = 18
_MINIMUM_YEAR = 1900


def parse(name: str, attribute: Attribute, fields: Fields, missing: str, _: Say) -> object:
    """Return the answer of a question as plain JSON.

    Args:
        name: the attribute, which is the name of the field (or the beginning of its parts).
        attribute: what is asked.
        fields: every value of every field of the form.
        missing: the sentence for a person who gave no answer.
        _: gettext of the reader's language.

    Raises:
        Invalid: each wrong field with a sentence that says how to put it right.
    """
    return _PARSERS[attribute.type](_Question(name, attribute, fields, missing, _))


class _Question:
    def __init__(
        self, name: str, attribute: Attribute, fields: Fields, missing: str, say: Say
    ) -> None:
        self.name, self.attribute, self.missing, self.say = name, attribute, missing, say
        self._fields = fields

    def text(self, part: str = "") -> str:
        sent = self._fields.get(f"{self.name}-{part}" if part else self.name, [])
        return " ".join(sent[0].replace("\x00", "").split()) if sent else ""

    def all(self) -> list[str]:
        return list(self._fields.get(self.name, []))

    def given(self) -> str:
        text = self.text()
        if not text:
            raise self.wrong(self.missing)
        return text

    def wrong(self, message: str, part: str = "") -> Invalid:
        return Invalid(FieldError(f"{self.name}-{part}" if part else self.name, message))


def _yes_no(question: _Question) -> object:
    answer = question.text()
    if answer not in ("yes", "no"):
        raise question.wrong(question.missing)
    return answer == "yes"


def _choose_one(question: _Question) -> object:
    answer = question.text()
    if answer not in {option.value for option in question.attribute.options}:
        raise question.wrong(question.missing)
    return answer


def _choose_many(question: _Question) -> object:
    known = [option.value for option in question.attribute.options]
    sent = set(question.all())
    if not sent or not sent <= set(known):
        raise question.wrong(question.missing)
    return [value for value in known if value in sent]


def _text(question: _Question) -> object:
    _, text = question.say, question.given()
    longest = question.attribute.maximum_length
    if len(text) > longest:
        message = _("Use {count} characters or fewer").format(count=longest)
        raise question.wrong(message)
    return text


def _name(question: _Question) -> object:
    _, text = question.say, _text(question)
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise question.wrong(_("Use letters, spaces, hyphens and apostrophes only"))
    return text


def _date(question: _Question) -> object:
    _ = question.say
    parts = {part: question.text(part) for part in ("day", "month", "year")}
    if not any(parts.values()):
        raise question.wrong(question.missing, "day")
    words = {
        "day": _("The date must include a day"),
        "month": _("The date must include a month"),
        "year": _("The date must include a year"),
    }
    for part, value in parts.items():
        if not value:
            raise question.wrong(words[part], part)
    impossible = question.wrong(_("Enter a real date, for example 27 3 1954"), "day")
    # A year has four digits; nothing in a date has more.
    if not all(_DIGITS.fullmatch(value) and len(value) <= 4 for value in parts.values()):  # noqa: PLR2004 - a year has four digits
        raise impossible
    try:
        answer = date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except ValueError:
        raise impossible from None
    if answer.year < _MINIMUM_YEAR:
        raise question.wrong(_("The year must have four figures, for example 1954"), "year")
    return answer.isoformat()


def _number(question: _Question) -> object:
    _, text = question.say, question.given()
    digits = text.replace(",", "")
    if not _DIGITS.fullmatch(digits) or len(digits) > 12:  # noqa: PLR2004 - no count is longer
        raise question.wrong(_("Enter a whole number, for example 3"))
    return _within(question, int(digits), str)


def _money(question: _Question) -> object:
    _, text = question.say, question.given()
    try:
        pence = parse_pounds(text)
    except ValueError:
        raise question.wrong(_("Enter an amount in pounds, for example 250 or 250.50")) from None
    if pence < 0:
        raise question.wrong(_("The amount cannot be below zero"))
    return _within(question, pence, format_pounds)


def _within(question: _Question, value: int, show: Callable[[int], str]) -> int:
    _, attribute = question.say, question.attribute
    if attribute.minimum is not None and value < attribute.minimum:
        raise question.wrong(_("Enter {limit} or more").format(limit=show(attribute.minimum)))
    if attribute.maximum is not None and value > attribute.maximum:
        raise question.wrong(_("Enter {limit} or less").format(limit=show(attribute.maximum)))
    return value


def _postcode(question: _Question) -> object:
    _ = question.say
    letters = question.given().upper().replace(" ", "")
    if not _POSTCODE.fullmatch(letters):
        raise question.wrong(_("Enter a full postcode, for example EH1 1AA"))
    return f"{letters[:-3]} {letters[-3:]}"


def _bank_details(question: _Question) -> object:
    name, kind = question.text("name"), question.text("type")
    sort_code = re.sub(r"[ -]", "", question.text("sort"))
    account = re.sub(r"[ -]", "", question.text("account"))
    roll = question.text("roll")
    _ = question.say
    messages = {
        "name": _account_name(name, _),
        "type": ""
        if kind in ("personal", "business")
        else _("Select whether the account is personal or business"),
        "sort": _sort_code(sort_code, _),
        "account": _account_number(account, _),
        "roll": ""
        if len(roll) <= _MAXIMUM_ROLL
        else _("The roll number must be 18 characters or fewer"),
    }
    faults = [
        FieldError(f"{question.name}-{part}", message)
        for part, message in messages.items()
        if message
    ]
    if faults:
        raise Invalid(*faults)
    details = {
        "name": name,
        "account_type": kind,
        "sort_code": sort_code,
        "account_number": account.zfill(_ACCOUNT_DIGITS[1]),
    }
    return {**details, "roll_number": roll} if roll else details


def _account_name(name: str, _: Say) -> str:
    if not name:
        return _("Enter the name on the account")
    longest = _("The name on the account must be 70 characters or fewer")
    return longest if len(name) > _MAXIMUM_ACCOUNT_NAME else ""


def _sort_code(digits: str, _: Say) -> str:
    if not digits:
        return _("Enter the sort code")
    good = _DIGITS.fullmatch(digits) and len(digits) == _SORT_CODE_DIGITS
    return "" if good else _("The sort code must have 6 figures, for example 80-22-60")


def _account_number(digits: str, _: Say) -> str:
    if not digits:
        return _("Enter the account number")
    fewest, most = _ACCOUNT_DIGITS
    good = _DIGITS.fullmatch(digits) and fewest <= len(digits) <= most
    return "" if good else _("The account number must have 6 to 8 figures")


def _not_asked(question: _Question) -> object:
    raise question.wrong(question.missing)


_PARSERS: Mapping[str, Callable[[_Question], object]] = {
    "yes_no": _yes_no,
    "choose_one": _choose_one,
    "choose_many": _choose_many,
    "text": _text,
    "name": _name,
    "date": _date,
    "number": _number,
    "money": _money,
    "postcode": _postcode,
    "bank_details": _bank_details,
    "address": _not_asked,
}

# The fields of the payments service that a person filled in here.
BANK_FIELDS = {
    "name": "name",
    "account_type": "type",
    "sort_code": "sort",
    "account_number": "account",
    "roll_number": "roll",
}
