"""Ages are working days of Bacs after the day on which money was due."""

from datetime import date

import pytest

from payments.reconciliation.awaited.rules import count_days, group_ages, latest_due

FRIDAY, SATURDAY, MONDAY = date(2026, 11, 27), date(2026, 11, 28), date(2026, 11, 30)


@pytest.mark.parametrize(
    ("due", "today", "days"),
    [
        (FRIDAY, FRIDAY, 0),
        (MONDAY, FRIDAY, 0),
        (FRIDAY, SATURDAY, 0),
        (FRIDAY, MONDAY, 1),
        (date(2026, 12, 24), date(2026, 12, 29), 1),
    ],
    ids=["on-the-day", "before", "over-saturday", "over-a-weekend", "over-christmas"],
)
def test_days_are_counted_as_bacs_works(due: date, today: date, days: int) -> None:
    assert count_days(due, today) == days


@pytest.mark.parametrize("today", [FRIDAY, SATURDAY, MONDAY], ids=str)
def test_the_latest_day_that_is_late_is_so_many_days_old(today: date) -> None:
    for days in range(1, 12):
        due = latest_due(today, days)
        assert count_days(due, today) == days
        assert count_days(latest_due(today, days - 1), today) < days


def test_every_age_is_in_one_group() -> None:
    found = {latest_due(MONDAY, days): (1, 10**days) for days in range(13)}
    groups = group_ages(found, MONDAY)
    assert [(one.first, one.last, one.lines) for one in groups] == [
        (0, 2, 3),
        (3, 5, 3),
        (6, 10, 5),
        (11, None, 2),
    ]
    assert sum(one.pence for one in groups) == sum(pence for _, pence in found.values())
