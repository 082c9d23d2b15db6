r"""Patterns that find a reference in a bank's text: a small, safe part of regular expressions.

A pattern is a row of parts: a letter or digit that stands for itself, ``\d`` for a digit, a set
such as ``[A-Z0-9]``, each with ``?`` or a count such as ``{4,8}``; one group in brackets marks what
is taken out. There is no ``*``, no ``+``, no choice and no nesting, and all variable counts
together allow few enough ways, so that no text can make the search slow.
"""

import re
from math import prod

from payments.reconciliation.passes import Settings
from shared.errors import FieldError, Invalid

_PART = re.compile(
    r"(?P<group>[()])|(?:(?P<set>\[[A-Z0-9 -]{1,20}\])|(?P<digit>\\d)|(?P<plain>[A-Z0-9 /:.#-]))"
    r"(?P<count>\?|\{\d{1,2}(?:,\d{1,2})?\})?"
)
_MAXIMUM = 200
_MOST_REPEATS = 40
_MOST_WAYS = 1_000


def check_pattern(pattern: str) -> str:
    """Return a pattern that is safe to search with; empty for none.

    Raises:
        Invalid: names ``pattern`` and the column of what is not allowed.
    """
    plain = pattern.strip().upper().replace("\\D", "\\d")
    if not plain:
        return ""
    if len(plain) > _MAXIMUM:
        raise _refuse("Enter a pattern of up to 200 characters")
    place, groups, ways = 0, "", []
    while place < len(plain):
        part = _PART.match(plain, place)
        if part is None:
            raise _refuse(f"Column {place + 1}: this is not allowed in a pattern")
        if part["group"]:
            groups += part["group"]
        else:
            ways.append(_ways(part["count"] or "", place + 1))
        place = part.end()
    if groups not in ("", "()"):
        raise _refuse("A pattern has one pair of brackets at most, without anything nested")
    if not ways or prod(ways) > _MOST_WAYS:
        raise _refuse("The counts of this pattern allow too many ways: make them narrower")
    try:
        re.compile(plain)
    except re.error as error:
        raise _refuse(f"Column {(error.pos or 0) + 1}: {error.msg}") from error
    return plain


def _ways(count: str, column: int) -> int:
    """Return in how many lengths a part may match."""
    if not count:
        return 1
    if count == "?":
        return 2
    low, _, high = count[1:-1].partition(",")
    least, most = int(low), int(high or low)
    if least > most or most > _MOST_REPEATS or most == 0:
        raise _refuse(f"Column {column}: a count is from 1 to {_MOST_REPEATS}, low before high")
    return most - least + 1


def check_settings(settings: Settings) -> Settings:
    """Return settings that may be tried; refuses unsafe patterns and windows out of bounds.

    Raises:
        Invalid: names each field at fault.
    """
    faults = []
    if not 0 <= settings.window_days <= 30:  # noqa: PLR2004 - as the table's check
        faults.append(FieldError("window_days", "Enter a number of days from 0 to 30"))
    if not 1 <= settings.return_days <= 60:  # noqa: PLR2004 - as the table's check
        faults.append(FieldError("return_days", "Enter a number of days from 1 to 60"))
    try:
        pattern = check_pattern(settings.pattern)
    except Invalid as problem:
        faults.extend(problem.fields)
    if faults:
        raise Invalid(*faults)
    return Settings(
        settings.version,
        pattern,
        settings.window_days,
        settings.return_days,
        settings.commit_by_amount,
    )


def _refuse(message: str) -> Invalid:
    return Invalid(FieldError("pattern", message))
