"""The days of a schedule, and until when something can be done about one of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import takewhile
from typing import Literal

from payments.bank import calendar
from payments.bank.calendar import Direction
from payments.controls.days import Plan, make_plan
from shared.clock import LONDON

Frequency = Literal["weekly", "fortnightly", "four_weekly", "monthly", "month_end"]
ScheduleState = Literal["active", "paused", "ended"]
FREQUENCIES: dict[Frequency, str] = {
    "weekly": "Every week",
    "fortnightly": "Every two weeks",
    "four_weekly": "Every four weeks",
    "monthly": "Every month, on a day of the month",
    "month_end": "Every month, on its last working day",
}
STATES: dict[ScheduleState, str] = {"active": "Active", "paused": "Paused", "ended": "Ended"}
OCCURRENCES = {"made": "Run made", "skipped": "Skipped", "missed": "Missed"}
MAXIMUM_COUNT = 520
MAXIMUM_DAYS_AHEAD = 20
MORNING = time(6, 0)
_LAST_MINUTE = time(23, 59, 59)
_WEEKS: dict[Frequency, int] = {"weekly": 1, "fortnightly": 2, "four_weekly": 4}
_MONTHS = 12
# Far enough before a day that nothing of today has a part in when its input would be.
_LONG_BEFORE = timedelta(days=45)


@dataclass(frozen=True)
class Rhythm:
    """Which days a schedule pays on, before any of them moves; both ends included."""

    frequency: Frequency
    starts_on: date
    month_day: int | None = None
    ends_on: date | None = None
    most: int | None = None

    def days(self) -> Iterator[date]:
        """Yield the wanted days in order; without an end as far as there are dates."""
        days = self._endless()
        if self.ends_on is not None:
            last = self.ends_on
            days = takewhile(lambda day: day <= last, days)
        for number, day in enumerate(days, 1):
            if self.most is not None and number > self.most:
                return
            yield day

    def direction(self, of_programme: Direction) -> Direction:
        """Return where a day moves that the rail does not work on; never over the month's end."""
        return "earlier" if self.frequency == "month_end" else of_programme

    def _endless(self) -> Iterator[date]:
        if self.frequency in _WEEKS:
            day, step = self.starts_on, timedelta(weeks=_WEEKS[self.frequency])
            while day.year < date.max.year:
                yield day
                day += step
            return
        year, month = self.starts_on.year, self.starts_on.month
        while year < date.max.year:
            day = self._in_month(year, month)
            if day >= self.starts_on:
                yield day
            year, month = (year + 1, 1) if month == _MONTHS else (year, month + 1)

    def _in_month(self, year: int, month: int) -> date:
        """Return the day of a month; a month that is too short has its last day instead."""
        following = date(year + 1, 1, 1) if month == _MONTHS else date(year, month + 1, 1)
        last = following - timedelta(days=1)
        if self.month_day is None or self.month_day >= last.day:
            return last
        return date(year, month, self.month_day)


@dataclass(frozen=True)
class Terms:
    """What decides when the run of a wanted day goes to the bank."""

    direction: Direction
    rail: str
    days_ahead: int
    closings: Collection[date] = ()
    cut_off: time | None = None

    def plan(self, wanted: date) -> Plan:
        """Return the days of a wanted day as they are when everything is in time.

        Raises:
            ValueError: the bank holidays of that year are not known yet.
        """
        long_before = datetime.combine(wanted - _LONG_BEFORE, MORNING, LONDON)
        return make_plan(
            long_before, wanted, self.direction, self.closings, self.cut_off, self.rail
        )

    def look_at(self, wanted: date) -> datetime:
        """Return when the run of a wanted day is made: so many Bacs days before its input day.

        Raises:
            ValueError: the bank holidays of that year are not known yet.
        """
        input_day = self.plan(wanted).input_day
        return datetime.combine(calendar.shift(input_day, -self.days_ahead), MORNING, LONDON)

    def is_possible(self, wanted: date, now: datetime) -> bool:
        """Tell whether a wanted day can still be kept: its input is possible before the cut-off."""
        input_day = self.plan(wanted).input_day
        until = datetime.combine(input_day, self.cut_off or _LAST_MINUTE, LONDON)
        return now <= until


def next_day(rhythm: Rhythm, after: date | None, done: Collection[date]) -> date | None:
    """Return the first wanted day after a day that nothing was done about, None at the end."""
    return next(
        (day for day in rhythm.days() if (after is None or day > after) and day not in done), None
    )


@dataclass(frozen=True)
class Upcoming:
    """A wanted day that is to come, with its plan; none where the year's holidays are unknown."""

    wanted: date
    plan: Plan | None


def list_upcoming(
    rhythm: Rhythm, terms: Terms, since: date, done: Collection[date], count: int
) -> list[Upcoming]:
    """Return the next wanted days from a day on, each with what moved it."""
    found: list[Upcoming] = []
    for day in rhythm.days():
        if day < since or day in done:
            continue
        if len(found) == count:
            break
        found.append(Upcoming(day, _plan(terms, day)))
    return found


def _plan(terms: Terms, day: date) -> Plan | None:
    try:
        return terms.plan(day)
    except ValueError:
        return None
