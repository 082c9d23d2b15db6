"""The functions that an expression may call: their argument kinds, result and behaviour."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import cast

from gateway.eligibility.expression import dates
from gateway.eligibility.expression.kinds import BOOL, DATE, DAYS, INT, Kind, enum_of
from gateway.eligibility.expression.values import Value

UNITS = enum_of("days", "weeks", "months", "years")


@dataclass(frozen=True, slots=True)
class Function:
    """One function; it raises OverflowError when its answer is outside the calendar."""

    arguments: tuple[Kind, ...]
    result: Kind
    call: Callable[[tuple[Value, ...]], Value]


def _age_on(values: tuple[Value, ...]) -> Value:
    birth, on = cast("tuple[date, date]", values)
    return dates.age_on(birth, on)


def _days_between(values: tuple[Value, ...]) -> Value:
    start, end = cast("tuple[date, date]", values)
    return dates.days_between(start, end)


def _weeks_between(values: tuple[Value, ...]) -> Value:
    start, end = cast("tuple[date, date]", values)
    return dates.weeks_between(start, end)


def _add_months(values: tuple[Value, ...]) -> Value:
    start, months = cast("tuple[date, int]", values)
    return dates.add_months(start, months)


def _within(values: tuple[Value, ...]) -> Value:
    day, count, unit, of = cast("tuple[date, int, dates.Unit, date]", values)
    return dates.within(day, count, unit, of)


def _benefit_week_start(values: tuple[Value, ...]) -> Value:
    (day,) = cast("tuple[date]", values)
    return dates.benefit_week_start(day)


FUNCTIONS: dict[str, Function] = {
    "age_on": Function((DATE, DATE), INT, _age_on),
    "days_between": Function((DATE, DATE), DAYS, _days_between),
    "weeks_between": Function((DATE, DATE), INT, _weeks_between),
    "add_months": Function((DATE, INT), DATE, _add_months),
    "within": Function((DATE, INT, UNITS, DATE), BOOL, _within),
    "benefit_week_start": Function((DATE,), DATE, _benefit_week_start),
}
