"""The days of schedules on the Bacs calendar, and the lines that say what is paid."""

import contextlib
from datetime import UTC, date, datetime, time
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.runs.schedules.lines import Line, read_lines, write_lines
from payments.runs.schedules.rules import Rhythm, Terms, list_upcoming, next_day
from shared.errors import Invalid

BACS = Terms("earlier", "bacs", 2, (), time(22, 30))


def _days(rhythm: Rhythm, count: int = 4) -> list[str]:
    return [day.isoformat() for day in islice(rhythm.days(), count)]


@pytest.mark.parametrize(
    ("rhythm", "days"),
    [
        (
            Rhythm("weekly", date(2026, 12, 18)),
            ["2026-12-18", "2026-12-25", "2027-01-01", "2027-01-08"],
        ),
        (Rhythm("fortnightly", date(2026, 12, 18), most=2), ["2026-12-18", "2027-01-01"]),
        (
            Rhythm("four_weekly", date(2026, 12, 18), ends_on=date(2027, 2, 11)),
            ["2026-12-18", "2027-01-15"],
        ),
        (
            Rhythm("monthly", date(2027, 1, 31), 31),
            ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
        ),
        (Rhythm("monthly", date(2027, 1, 16), 15, most=1), ["2027-02-15"]),
        (
            Rhythm("month_end", date(2026, 12, 1)),
            ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"],
        ),
    ],
    ids=["weekly", "count", "until", "short months", "day has passed", "month end"],
)
def test_the_days_of_a_rhythm(rhythm: Rhythm, days: list[str]) -> None:
    assert _days(rhythm) == days


def test_each_shift_of_the_next_days_is_explained() -> None:
    found = list_upcoming(Rhythm("weekly", date(2026, 12, 18)), BACS, date(2026, 12, 1), (), 3)
    plans = [one.plan for one in found if one.plan is not None]
    assert [plan.entry_day.isoformat() for plan in plans] == [
        "2026-12-18",
        "2026-12-24",
        "2026-12-31",
    ]
    assert plans[1].reasons == ("25 December 2026: Christmas Day",)
    assert plans[1].input_day == date(2026, 12, 22)


def test_the_last_working_day_of_a_month_is_never_in_the_next_one() -> None:
    rhythm = Rhythm("month_end", date(2027, 1, 1))
    terms = Terms(rhythm.direction("later"), "bacs", 1)
    (first,) = list_upcoming(rhythm, terms, date(2027, 1, 1), (), 1)
    assert first.plan is not None
    assert first.plan.entry_day == date(2027, 1, 29)
    assert "31 January 2027: Sunday" in first.plan.reasons


def test_a_year_without_holidays_has_days_without_a_plan() -> None:
    (found,) = list_upcoming(Rhythm("weekly", date(2035, 1, 5)), BACS, date(2035, 1, 1), (), 1)
    assert found.wanted == date(2035, 1, 5)
    assert found.plan is None


def test_the_next_day_is_the_first_that_nothing_was_done_about() -> None:
    rhythm = Rhythm("weekly", date(2026, 12, 4), most=3)
    assert next_day(rhythm, None, {date(2026, 12, 4)}) == date(2026, 12, 11)
    assert next_day(rhythm, date(2026, 12, 18), ()) is None


def test_a_day_is_possible_until_the_cut_off_of_its_input_day() -> None:
    wanted = date(2026, 12, 4)
    assert BACS.look_at(wanted) == datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
    assert BACS.is_possible(wanted, datetime(2026, 12, 2, 22, 30, tzinfo=UTC))
    assert not BACS.is_possible(wanted, datetime(2026, 12, 2, 22, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("rail", "wanted", "input_day"),
    [
        ("bacs", date(2026, 12, 4), date(2026, 12, 2)),
        ("chaps", date(2026, 12, 4), date(2026, 12, 4)),
        ("chaps", date(2026, 12, 5), date(2026, 12, 4)),
        ("faster_payments", date(2026, 12, 5), date(2026, 12, 5)),
    ],
    ids=["bacs", "chaps", "chaps on a Saturday", "faster payments on a Saturday"],
)
def test_the_plan_follows_the_rail(rail: str, wanted: date, input_day: date) -> None:
    assert Terms("earlier", rail, 1).plan(wanted).input_day == input_day


def test_lines_are_read_and_written_back() -> None:
    lines = read_lines("\nMORAG, 120.00, Allowance m\nCALUM,80.5,X\n")
    assert lines == [Line("MORAG", 12_000, "ALLOWANCE M"), Line("CALUM", 8_050, "X")]
    assert read_lines(write_lines(lines)) == lines


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter from 1 to 1,000 payments"),
        ("MORAG 120.00", "Line 1, column 1"),
        ("MORAG, 12O, X", "Line 1, column 7: Enter an amount"),
        ("A, 1.00, X\nB, 0.00, X", "Line 2, column 3"),
        ("A, 1.00, it's", "Line 1, column 9: Use capital letters"),
        ("A, 1.001, X", "Line 1, column 3: Enter an amount"),
        ("A, 1.00, X\nA, 1.00, X", "Two lines pay the same"),
        ("A, 1.00, X\n" * 1_001, "Enter from 1 to 1,000"),
        ("x" * 200_001, "Enter up to 1,000 payments"),
    ],
    ids=[
        *("empty", "cells", "letters", "zero", "alphabet", "decimals", "twice", "many", "long"),
    ],
)
def test_lines_at_fault_say_where(text: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_lines(text)
    assert says in refused.value.fields[0].message


@given(st.text(alphabet=st.sampled_from("AB1,. £\n\r\t-é\x00\u2028"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert all(line.amount_pence > 0 and line.payee for line in read_lines(text))
