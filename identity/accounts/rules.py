"""What an email address and a password must be; pure functions."""

import re
import unicodedata
from functools import cache
from pathlib import Path

from shared.errors import FieldError, Invalid

PASSWORD_MINIMUM = 10
PASSWORD_MAXIMUM = 128
_EMAIL_MAXIMUM = 254
_LOCAL_MAXIMUM = 64
_SHORTEST_PART = 4
_LONGEST_UNIT = 4
_DISTINCT_MINIMUM = 5
# The addr-spec of RFC 5322 without comments, quotes and address literals: what mail systems use.
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)
# What everybody thinks of on these pages.
_CONTEXT = ("clachan", "scotland", "scotaccount", "mygovscot", "govscot")
_LEET = str.maketrans("0134578@$!", "oleastbasi")
_DIGITS = "0123456789"
_AROUND = _DIGITS + "!?.,#*-_ £$%&"
_SEQUENCES = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujmik",
)


def normalise_email(typed: str) -> str:
    """Return an address in the form that is compared: no blanks around, lower case, NFKC."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def check_email(typed: str) -> str:
    """Return the normalised address; refuses what is not one, naming the field ``email``."""
    email = normalise_email(typed)
    if not email:
        raise Invalid(FieldError("email", "Enter your email address"))
    local, _, _ = email.partition("@")
    too_long = len(email) > _EMAIL_MAXIMUM or len(local) > _LOCAL_MAXIMUM
    if too_long or not _EMAIL.fullmatch(email):
        raise Invalid(
            FieldError("email", "Enter an email address in the right format, like name@example.com")
        )
    return email


def check_new_password(password: str, email: str) -> str:
    """Return a password that may be used, in NFKC; refuses others, naming ``password``.

    Refused are short and very long ones, the common ones (also with digits around or letters
    written as digits), runs of the keyboard or alphabet, repetitions, and parts of the address.
    """
    plain = unicodedata.normalize("NFKC", password)
    message = _fault(plain, email)
    if message:
        raise Invalid(FieldError("password", message))
    return plain


def _fault(password: str, email: str) -> str:
    if not password:
        return "Enter a password"
    if len(password) < PASSWORD_MINIMUM:
        return "Your password must have 10 characters or more"
    if len(password) > PASSWORD_MAXIMUM:
        return "Your password must have 128 characters or fewer"
    return _why_guessable(password, email)


def _why_guessable(password: str, email: str) -> str:
    if _contains_part_of(password, email):
        return "Choose a password that does not contain a part of your email address"
    if _contains_context(password):
        return "Choose a password that does not contain the name of this service or of the country"
    if is_common(password):
        return "This password is easy to guess. Choose another, for example three random words"
    return ""


def _contains_part_of(password: str, email: str) -> bool:
    folded = password.casefold()
    parts = re.split(r"[^a-z0-9]+", email)
    return any(len(part) >= _SHORTEST_PART and part in folded for part in parts)


def _contains_context(password: str) -> bool:
    folded = password.casefold()
    plain = re.sub(r"[^a-z]", "", folded.translate(_LEET))
    return any(word in folded or word in plain for word in _CONTEXT)


def is_common(password: str) -> bool:
    """Tell whether a password is on the list of common ones or is made by a common habit."""
    folded = password.casefold()
    # Digits and signs around a word are cut off before those inside are read as letters.
    cores = {folded, folded.strip(_AROUND), re.sub(r"[^a-z0-9@$!]", "", folded).strip(_DIGITS)}
    forms = {form for core in cores for form in (core, core.translate(_LEET))}
    forms |= {re.sub(r"[^a-z]", "", form) for form in tuple(forms)}
    common = _common_passwords()
    if any(form in common or _is_pair(form, common) for form in forms):
        return True
    return len(set(folded)) < _DISTINCT_MINIMUM or _is_repetition(folded) or _is_run(folded)


def _is_pair(form: str, common: frozenset[str]) -> bool:
    """Tell whether a password is two common ones one after the other."""
    splits = range(_SHORTEST_PART, len(form) - _SHORTEST_PART + 1)
    return any(form[:cut] in common and form[cut:] in common for cut in splits)


def _is_repetition(password: str) -> bool:
    units = (password[:length] for length in range(1, _LONGEST_UNIT + 1))
    return any((unit * len(password))[: len(password)] == password for unit in units)


def _is_run(password: str) -> bool:
    return any(
        password in sequence * 2 or password in (sequence * 2)[::-1] for sequence in _SEQUENCES
    )


@cache
def _common_passwords() -> frozenset[str]:
    text = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
