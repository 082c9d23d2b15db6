r"""What rules would have done by themselves what a person did: a start for a new version.

The suggestion is typed into the form and no more: a person looks at it, tries it on history, and
another puts it into force. A pattern is made of the target's reference as the bank wrote it, its
digits free: ``(RENT-\d{6})``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from payments.bank import calendar
from payments.reconciliation.passes import Settings
from payments.reconciliation.ruling.rules import check_pattern
from shared.errors import Invalid

# As the table's checks: no rule looks further.
_WIDEST_WINDOW = 30
_LONGEST_RETURN = 60
# A shorter reference never matches by itself.
_SHORTEST_KEY = 6
_MOST_TEXT = 200
_BY_REFERENCE = ("payment", "expected_item", "returned_payment")


@dataclass(frozen=True)
class Done:
    """One match of a line by a person; the pence are those of this match."""

    target_type: str
    reference_key: str
    due_on: date | None
    pence: int
    target_pence: int


@dataclass(frozen=True)
class Suggestion:
    """Settings that would have found it, and what a person should know of them."""

    settings: Settings
    notes: tuple[str, ...]


def suggest(current: Settings, text: str, booked: date, done: Sequence[Done]) -> Suggestion:
    """Return the rules in force, widened by what a person did with a line of this text and day."""
    notes, settings = [], current
    wanted = [one for one in done if one.target_type in _BY_REFERENCE]
    pattern = next(filter(None, (find_pattern(text, one.reference_key) for one in wanted)), "")
    if pattern and current.pattern and pattern != current.pattern:
        notes.append("The account has a pattern already. The new one would take its place.")
    if pattern:
        settings = replace(settings, pattern=pattern)
    elif wanted:
        notes.append("The target's reference is not in the bank's text: no pattern can find it.")
    if any(one.target_type == "submission" for one in done):
        notes.append("Files are matched by their batch reference or total, never by a pattern.")
    if any(one.target_type in ("write_off", "suspense") for one in done):
        notes.append("What was written off or left in suspense is decided by people every time.")
    if any(one.pence != one.target_pence for one in wanted):
        notes.append("The amounts differ, and rules match equal amounts only.")
    for one in wanted:
        settings = _widen(settings, one, booked)
    if settings == current and not notes:
        notes.append("The rules in force find this already, unless more than one target fits.")
    return Suggestion(settings, tuple(notes))


def find_pattern(text: str, reference_key: str) -> str:
    """Return a safe pattern that takes a reference out of a text; empty where there is none.

    None is needed where the whole text is the reference.
    """
    plain = text.upper()[:_MOST_TEXT]
    if len(reference_key) < _SHORTEST_KEY or _key(plain) == reference_key:
        return ""
    place = _find(plain, reference_key)
    if place is None:
        return ""
    first, last = place
    inside = _free_digits(plain[first:last])
    before = re.search(r"[A-Z]{2,10}[ /:.#-]?\Z", plain[:first])
    # A number alone would be found in any text: the word before it says which number is meant.
    lead = before[0] if before and not re.search("[A-Z]", plain[first:last]) else ""
    try:
        pattern = check_pattern(f"{lead}({inside})")
    except Invalid:
        return ""
    found = re.search(pattern, plain)
    return pattern if found is not None and _key(found[1]) == reference_key else ""


def _find(plain: str, key: str) -> tuple[int, int] | None:
    """Return from where to where a text spells a key, with signs between its letters or not."""
    letters = [number for number, sign in enumerate(plain) if re.match("[A-Z0-9]", sign)]
    squeezed = "".join(plain[number] for number in letters)
    at = squeezed.find(key)
    if at < 0:
        return None
    # Zeros in front were dropped from the key and belong to the reference.
    while at > 0 and squeezed[at - 1] == "0" and letters[at - 1] == letters[at] - 1:
        at -= 1
    length = len(key) + squeezed.find(key, at) - at
    return letters[at], letters[at + length - 1] + 1


def _free_digits(reference: str) -> str:
    """Return a reference as a pattern: runs of digits free, everything else as it is."""
    return re.sub(r"[0-9]+", lambda run: rf"\d{{{len(run[0])}}}", reference)


def _key(text: str) -> str:
    return re.sub("[^A-Z0-9]", "", text).lstrip("0")


def _widen(settings: Settings, one: Done, booked: date) -> Settings:
    if one.due_on is None:
        return settings
    days = _working_days(one.due_on, booked)
    if one.target_type == "returned_payment":
        return replace(settings, return_days=max(settings.return_days, min(days, _LONGEST_RETURN)))
    return replace(settings, window_days=max(settings.window_days, min(days, _WIDEST_WINDOW)))


def _working_days(one: date, other: date) -> int:
    day, last = sorted((one, other))
    days = 0
    while day < last and days < _LONGEST_RETURN:
        day += timedelta(days=1)
        days += calendar.is_processing_day(day)
    return days
