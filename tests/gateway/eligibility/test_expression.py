from datetime import date

import pytest

from gateway.eligibility.expression import (
    BOOL,
    DATE,
    DAYS,
    INT,
    MONEY,
    STRING,
    Evaluated,
    ExpressionError,
    Unknown,
    check,
    enum_of,
    evaluate,
    list_of,
    parse,
)

NAMES = {
    "a": BOOL,
    "b": BOOL,
    "i": INT,
    "j": INT,
    "savings": MONEY,
    "born": DATE,
    "d": DATE,
    "notice": DAYS,
    "e": enum_of("rent", "own"),
    "s": STRING,
    "xs": list_of(INT),
    "bs": list_of(BOOL),
    "needs": list_of(enum_of("falls", "alone")),
    "parameters.rate": MONEY,
}
T, F, U = True, False, Unknown()
A_B = frozenset({"a", "b"})


def value(text: str, **values: Evaluated) -> Evaluated:
    return evaluate(check(parse(text), NAMES), values)


def verdict(text: str, **values: Evaluated) -> Evaluated:
    found = value(text, **values)
    return U if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (T, T, T, T),
        (T, F, F, T),
        (T, U, U, T),
        (F, T, F, T),
        (F, F, F, F),
        (F, U, F, U),
        (U, T, U, T),
        (U, F, F, U),
        (U, U, U, U),
    ],
)
def test_and_and_or_have_three_values(
    left: Evaluated, right: Evaluated, both: Evaluated, either: Evaluated
) -> None:
    given = {k: v for k, v in (("a", left), ("b", right)) if v != U}
    assert verdict("a && b", **given) == both
    assert verdict("a || b", **given) == either


def test_not_unknown_is_unknown() -> None:
    assert [verdict("!a", a=T), verdict("!a", a=F), verdict("!a")] == [F, T, U]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a ? 1 : 2", {"a": T}, 1),
        ("a ? 1 : 2", {}, U),
        ("a ? 7 : 7", {}, 7),
        ("a ? i : 7", {"i": 7}, 7),
        ("a ? i : 7", {}, U),
        ("i == j", {"i": 1}, U),
        ("i + 1 > 3", {}, U),
        ("bs.exists(x, x)", {"bs": (F, U, T)}, T),
        ("bs.exists(x, x)", {"bs": (F, U)}, U),
        ("bs.exists(x, x)", {"bs": (F, F)}, F),
        ("bs.exists(x, x)", {"bs": ()}, F),
        ("bs.exists(x, x)", {}, U),
        ("bs.all(x, x)", {"bs": (T, U, F)}, F),
        ("bs.all(x, x)", {"bs": (T, U)}, U),
        ("bs.all(x, x)", {"bs": ()}, T),
        ("bs.all(x, x)", {}, U),
        ("size(xs) == 2", {"xs": (U, U)}, T),
        ("3 in [1, i, 3]", {}, T),
        ("3 in [1, i]", {}, U),
        ("3 in [1, 2]", {}, F),
        ("i in [1, 2]", {}, U),
        ("[1, i] == [2, 3]", {}, F),
        ("[1, i] == [1, 3]", {}, U),
        ("'falls' in needs", {"needs": ("alone", "falls")}, T),
        ("e == 'rent'", {"e": "own"}, F),
        ("i / 0 > 1", {"i": 4}, U),
        ("i / 0 > 1 || a", {"i": 4, "a": T}, T),
    ],
)
def test_value(text: str, values: dict[str, Evaluated], expected: Evaluated) -> None:
    assert verdict(text, **values) == expected


def test_unknown_names_what_would_settle_it_and_nothing_else() -> None:
    assert value("a && (b || i > 1)", a=T, i=0) == Unknown(frozenset({"b"}))
    assert value("a && b") == Unknown(A_B)
    assert value("i / 0") == Unknown(frozenset({"i"}))
    failed = value("i / 0", i=1)
    assert isinstance(failed, Unknown)
    assert failed.needs == frozenset()
    assert failed.failures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4 - 6 / 4", 13),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("!!true", True),
        ("--3", 3),
        ("---3", -3),
        ("1 < 2 && 2 < 3 ? 'x' : 'y'", "x"),
        ("age_on(date('2008-02-29'), date('2026-02-28'))", 17),
        ("age_on(date('2008-02-29'), date('2026-03-01'))", 18),
        ("weeks_between(date('2026-01-01'), date('2026-01-14'))", 1),
        ("weeks_between(date('2026-01-14'), date('2026-01-01'))", -1),
        ("days_between(date('2026-03-28'), date('2026-03-30'))", 2),
        ("add_months(date('2026-01-31'), 1) == date('2026-02-28')", True),
        ("add_months(date('2024-01-31'), 1) == date('2024-02-29')", True),
        ("add_months(date('2026-01-31'), -2) == date('2025-11-30')", True),
        ("within(date('2026-03-01'), 1, 'months', date('2026-02-01'))", True),
        ("within(date('2026-03-02'), 1, 'months', date('2026-02-01'))", False),
        ("within(date('2026-01-18'), 2, 'weeks', date('2026-02-01'))", True),
        ("within(date('2026-01-17'), 2, 'weeks', date('2026-02-01'))", False),
        ("benefit_week_start(date('2026-03-29')) == date('2026-03-23')", True),
        ("benefit_week_start(date('2026-03-23')) == date('2026-03-23')", True),
    ],
)
def test_calculation(text: str, expected: Evaluated) -> None:
    assert value(text) == expected


def test_a_date_outside_the_calendar_and_an_overflow_are_unknown_with_a_reason() -> None:
    for text in (
        "add_months(d, 999999)",
        "9223372036854775807 + 1",
        "within(d, 9999999, 'days', d)",
    ):
        found = value(text, d=date(2026, 1, 1))
        assert isinstance(found, Unknown)
        assert found.failures


def test_evaluation_stops_at_its_limit_of_steps() -> None:
    found = value("xs.all(x, xs.all(y, x == y))", xs=(1,) * 200)
    assert isinstance(found, Unknown)
    assert "10000 steps" in str(found.failures)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("a &&", 5),
        ("a b", 3),
        ("(a", 3),
        ("1.5 > 1", 1),
        ("null == a", 1),
        ("has(a)", 1),
        ("s.matches('x')", 3),
        ("xs.map(x, x)", 4),
        ("xs[0]", 3),
        ("{'a': 1}", 1),
        ("'open", 1),
        ("'bad \\q'", 6),
        ("a = b", 3),
        ("while", 1),
        ("99999999999999999999", 1),
        ("(" * 60 + "a" + ")" * 60, 25),
        ("1" + "+1" * 200, 1),
        ("a" + " " * 2000, 2001),
        ("[a].b", 5),
        ("in", 1),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(ExpressionError) as refusal:
        parse(text)
    assert refusal.value.column == column


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nobody", "not known"),
        ("a + 1", "whole numbers"),
        ("a == 1", "cannot be compared"),
        ("a < b", "no order"),
        ("s < 'x'", "no order"),
        ("s + 'x' == s", "whole numbers"),
        ("e == 'house'", "'house' is never the answer"),
        ("e in ['rent', 'hut']", "'hut' is never the answer"),
        ("'cold' in needs", "'cold' is never the answer"),
        ("savings > i", "cannot be compared"),
        ("savings * savings > 1", "does not go"),
        ("born > 1", "cannot be compared"),
        ("a ? 1 : 'x'", "must be alike"),
        ("i ? a : b", "must be a true/false"),
        ("!i", "must be a true/false"),
        ("-a", "no negative"),
        ("age_on(born)", "takes 2 values"),
        ("age_on(born, 3) > 1", "must be a date"),
        ("unheard(a)", "not a function"),
        ("within(d, 1, 'fortnights', d)", "must be a one of"),
        ("size(a)", "one list"),
        ("a in b", "needs a list"),
        ("xs.exists(x, x)", "must be a true/false"),
        ("xs.exists(a, a > 1)", "already has a meaning"),
        ("a.exists(x, x)", "need a list"),
        ("date('2026-02-30')", "a date is written"),
        ("date(s)", "a date is written"),
        ("[1, 'x']", "cannot be in a list"),
        ("i", "is needed"),
    ],
)
def test_types_are_checked_before_anything_runs(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        check(parse(text), NAMES, BOOL)


def test_every_mistake_is_reported_in_reading_order() -> None:
    with pytest.raises(ExpressionError) as refusal:
        check(parse("a == 1 && nobody && i + a > 2"), NAMES, BOOL)
    assert [error.column for error in refusal.value.all] == [1, 11, 21]


def test_money_and_days_take_literals() -> None:
    assert value("savings <= 1600000", savings=1600000) is True
    assert value("savings / 4 + 1", savings=401) == 101
    assert (
        value(
            "notice >= 14 && days_between(born, d) > notice",
            notice=14,
            born=date(2026, 1, 1),
            d=date(2026, 2, 1),
        )
        is True
    )
    assert value("parameters.rate * i", i=3, **{"parameters.rate": 250}) == 750


def test_what_was_read_is_kept_in_reading_order() -> None:
    read: dict[str, Evaluated] = {}
    evaluate(check(parse("i > 1 && a && b"), NAMES), {"i": 2, "a": False, "b": True}, read)
    assert list(read.items()) == [("i", 2), ("a", False)]
