"""Bacs days: Monday to Friday except bank holidays of England and Wales (payments contract 10).

Scottish holidays do not stop Bacs; they are shown beside a date, because people ask.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

_FILE = Path(__file__).resolve().parent.parent / "reference" / "bank_holidays.json"
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)
Direction = Literal["earlier", "later"]


@cache
def _holidays(division: str) -> dict[date, str]:
    days: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))[division]
    return {date.fromisoformat(day): title for day, title in days.items()}


def say(day: date) -> str:
    """Return a day as people write it, like 2 January 2027."""
    return f"{day.day} {day:%B %Y}"


def why_closed(day: date) -> str | None:
    """Say why Bacs does not work on a day, or None when it does.

    Raises:
        ValueError: the bank holidays of that year are not known yet.
    """
    holidays = _holidays("england-and-wales")
    if not min(holidays).year <= day.year <= max(holidays).year:
        raise ValueError(f"the bank holidays of {day.year} are not in the calendar")
    if day.weekday() >= _SATURDAY:
        return day.strftime("%A")
    return holidays.get(day)


def scottish_holiday(day: date) -> str | None:
    """Return the name of a Scottish bank holiday, or None."""
    return _holidays("scotland").get(day)


def is_processing_day(day: date) -> bool:
    """Tell whether Bacs works on a day."""
    return why_closed(day) is None


def next_processing_day(day: date) -> date:
    """Return the first Bacs day after a day."""
    return shift(day, 1)


def shift(day: date, days: int) -> date:
    """Return the Bacs day so many Bacs days after (or, negative, before) a day."""
    step = _ONE_DAY if days > 0 else -_ONE_DAY
    for _ in range(abs(days)):
        day += step
        while not is_processing_day(day):
            day += step
    return day


def processing_day_for(entry_date: date) -> date:
    """Return the processing day (day 2) of money that is to be in accounts on a Bacs day."""
    return shift(entry_date, -1)


def input_day_for(entry_date: date) -> date:
    """Return the last day of input (day 1) for money that is to be in accounts on a Bacs day."""
    return shift(entry_date, -2)


def entry_day_for(processing_day: date) -> date:
    """Return the day (day 3) on which money processed on a day is in the accounts."""
    return next_processing_day(processing_day)


@dataclass(frozen=True)
class Shift:
    """A wanted entry date, where it moved, and every reason on the way."""

    wanted: date
    moved_to: date
    reasons: tuple[str, ...]
    scottish_holiday: str | None


def explain_shift(wanted: date, direction: Direction = "earlier") -> Shift:
    """Move an entry date to a Bacs day and say why.

    Earlier is the default for benefits and salaries, later for suppliers. The Scottish holiday on
    the resulting day, if any, is named, although Bacs works on it.
    """
    day, reasons = wanted, []
    step = _ONE_DAY if direction == "later" else -_ONE_DAY
    while (reason := why_closed(day)) is not None:
        reasons.append(f"{say(day)}: {reason}")
        day += step
    return Shift(wanted, day, tuple(reasons), scottish_holiday(day))
