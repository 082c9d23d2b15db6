"""Calendar arithmetic of the rules: whole days in Europe/London, no clock (section 5.2)."""

import calendar
from datetime import date, timedelta
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["days", "weeks", "months", "years"]

MONTHS_PER_YEAR = 12
DAYS_PER_WEEK = 7


def age_on(birth: date, on: date) -> int:
    """Completed years on a day; who is born on 29 February has the birthday on 1 March otherwise.

    Negative when the person is not born yet.
    """
    before_birthday = (on.month, on.day) < (birth.month, birth.day)
    return on.year - birth.year - int(before_birthday)


def days_between(start: date, end: date) -> int:
    """Days from start to end; negative when the end is before the start."""
    return (end - start).days


def weeks_between(start: date, end: date) -> int:
    """Completed weeks from start to end, rounded towards zero."""
    days = days_between(start, end)
    weeks = abs(days) // DAYS_PER_WEEK
    return weeks if days >= 0 else -weeks


def add_months(start: date, months: int) -> date:
    """The same day some months later, or the last day of a shorter month.

    Raises OverflowError outside the years 1 to 9999.
    """
    year, month = divmod(start.year * MONTHS_PER_YEAR + start.month - 1 + months, MONTHS_PER_YEAR)
    if not date.min.year <= year <= date.max.year:
        message = "the date is outside the calendar"
        raise OverflowError(message)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last))


def within(day: date, count: int, unit: Unit, of: date) -> bool:
    """Whether a day is at most this many days, weeks, months or years before or after another.

    Both ends are included; a negative count is never met. Raises OverflowError as `add_months`.
    """
    if count < 0:
        return False
    return shift(of, -count, unit) <= day <= shift(of, count, unit)


def shift(day: date, count: int, unit: Unit) -> date:
    """The day that lies so many units later (earlier when negative); OverflowError outside."""
    if unit == "months":
        return add_months(day, count)
    if unit == "years":
        return add_months(day, count * MONTHS_PER_YEAR)
    return day + timedelta(days=count * (DAYS_PER_WEEK if unit == "weeks" else 1))


def benefit_week_start(day: date) -> date:
    """The Monday on or before a day: benefit weeks run from Monday to Sunday."""
    return day - timedelta(days=day.weekday())
