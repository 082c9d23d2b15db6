"""How old is too old, in Bacs working days after the day on which the bank should have paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from payments.bank import calendar

# Past the settlement day (ledger contract 3.4): a day's statement comes on the next working day.
DEFAULT_DAYS = 2
MOST_DAYS = 30
# First and last age of each group, in working days.
AGES: tuple[tuple[int, int | None], ...] = ((0, 2), (3, 5), (6, 10), (11, None))


@dataclass(frozen=True)
class Age:
    """A group of ages with how many lines of the bank it waits for, and their pence."""

    first: int
    last: int | None
    lines: int
    pence: int


def last_working_day(today: date) -> date:
    """Return today, or the last day before on which Bacs worked."""
    return today if calendar.is_processing_day(today) else calendar.shift(today, -1)


def latest_due(today: date, days: int) -> date:
    """Return the latest day on which money was due that is so many working days late today."""
    return calendar.shift(last_working_day(today), -days)


def count_days(due_on: date, today: date) -> int:
    """Return how many working days have passed since a day; 0 on the day and before."""
    days, day = 0, due_on
    while day < today:
        day += timedelta(days=1)
        days += calendar.is_processing_day(day)
    return days


def group_ages(found: Mapping[date, tuple[int, int]], today: date) -> list[Age]:
    """Return lines and pence by group of ages, from their sums by due day."""
    ages = {day: count_days(day, today) for day in found}
    groups = []
    for first, last in AGES:
        held = [found[day] for day, age in ages.items() if first <= age <= (last or age)]
        groups.append(Age(first, last, sum(one[0] for one in held), sum(one[1] for one in held)))
    return groups
