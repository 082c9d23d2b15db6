from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.bank import calendar

known = st.dates(date(2012, 2, 1), date(2028, 11, 30))


@pytest.mark.parametrize(
    ("day", "works", "scottish"),
    [
        (date(2026, 1, 2), True, True),
        (date(2026, 8, 3), True, True),
        (date(2026, 11, 30), True, True),
        (date(2026, 4, 6), False, False),
        (date(2026, 8, 31), False, False),
        (date(2026, 12, 25), False, True),
        (date(2026, 11, 22), False, False),
        (date(2026, 11, 23), True, False),
        (date(2026, 6, 15), True, False),
    ],
)
def test_bacs_follows_england_and_shows_scotland(day: date, *, works: bool, scottish: bool) -> None:
    assert calendar.is_processing_day(day) is works
    assert (calendar.scottish_holiday(day) is not None) is scottish


@given(known)
def test_the_three_days_are_three_working_days(day: date) -> None:
    entry = calendar.explain_shift(day).moved_to
    processing = calendar.processing_day_for(entry)
    assert calendar.entry_day_for(processing) == entry
    assert calendar.shift(calendar.input_day_for(entry), 2) == entry
    assert all(
        calendar.is_processing_day(one)
        for one in (entry, processing, calendar.input_day_for(entry))
    )


@given(known, st.sampled_from(["earlier", "later"]))
def test_every_move_has_its_reasons(day: date, direction: calendar.Direction) -> None:
    moved = calendar.explain_shift(day, direction)
    assert len(moved.reasons) == abs((moved.moved_to - day).days)
    assert (moved.moved_to <= day) if direction == "earlier" else (moved.moved_to >= day)


def test_a_shift_in_words() -> None:
    moved = calendar.explain_shift(date(2026, 12, 26))
    assert moved.moved_to == date(2026, 12, 24)
    assert moved.reasons == ("26 December 2026: Saturday", "25 December 2026: Christmas Day")
    later = calendar.explain_shift(date(2027, 1, 1), "later")
    assert (later.moved_to, later.scottish_holiday) == (date(2027, 1, 4), "2nd January")


def test_a_year_without_known_holidays_is_refused() -> None:
    with pytest.raises(ValueError, match="2031"):
        calendar.next_processing_day(date(2031, 5, 5))
