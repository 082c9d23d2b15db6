"""Random expressions against every completion, against another CEL engine, and nonsense."""

from datetime import date, timedelta
from itertools import product
from random import Random

import cel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.eligibility.expression import (
    BOOL,
    DATE,
    INT,
    Checked,
    Evaluated,
    ExpressionError,
    Unknown,
    check,
    dates,
    enum_of,
    evaluate,
    list_of,
    parse,
)

NAMES = {
    "a": BOOL,
    "b": BOOL,
    "c": BOOL,
    "i": INT,
    "j": INT,
    "e": enum_of("rent", "own", "other"),
    "d": DATE,
    "xs": list_of(INT),
}
DAYS = [date(2008, 2, 29), date(2026, 3, 31)]
DOMAINS: dict[str, list[Evaluated]] = {
    "a": [True, False],
    "b": [True, False],
    "c": [True, False],
    "i": [-2, 0, 3],
    "j": [-1, 2],
    "e": ["rent", "own", "other"],
    "d": [*DAYS],
    "xs": [(), (0,), (2, 3)],
}
THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def whole(draw: st.DrawFn, depth: int, items: tuple[str, ...]) -> str:
    leaves = ["i", "j", "0", "1", "3", "size(xs)", "age_on(d, date('2026-03-01'))", *items]
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(leaves))
    left, right = draw(whole(depth - 1, items)), draw(whole(depth - 1, items))
    shape = draw(st.integers(0, 6))
    if shape == 0:
        return f"({draw(truth(depth - 1, items))} ? {left} : {right})"
    if shape == 1:
        return f"-({left})"
    return f"({left} {draw(st.sampled_from(['+', '-', '*', '/', '%']))} {right})"


@st.composite
def truth(  # noqa: PLR0911 - one return per shape
    draw: st.DrawFn, depth: int, items: tuple[str, ...] = ()
) -> str:
    if depth == 0:
        return draw(
            st.sampled_from(["a", "b", "c", "true", "e == 'rent'", "e in ['own', 'other']"])
        )
    one = truth(depth - 1, items)
    shape = draw(st.integers(0, 8))
    if shape <= 1:
        return f"({draw(one)} && {draw(one)})"
    if shape <= 3:
        return f"({draw(one)} || {draw(one)})"
    if shape == 4:
        return f"!({draw(one)})"
    if shape == 5:
        return f"({draw(one)} ? {draw(one)} : {draw(one)})"
    if shape == 6 and len(items) < 2:
        name = f"x{len(items)}"
        macro = draw(st.sampled_from(["exists", "all"]))
        return f"xs.{macro}({name}, {draw(truth(depth - 1, (*items, name)))})"
    if shape == 7:
        return f"{draw(whole(depth - 1, items))} in [{draw(whole(0, items))}, 2]"
    operator = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    return f"({draw(whole(depth - 1, items))} {operator} {draw(whole(depth - 1, items))})"


def checked(text: str) -> Checked:
    return check(parse(text), NAMES, BOOL)


@given(text=truth(3), keep=st.sets(st.sampled_from(sorted(NAMES)), min_size=5), pick=st.randoms())
@THOROUGH
def test_a_definite_verdict_never_changes_under_any_completion(
    text: str, keep: set[str], pick: Random
) -> None:
    expression = checked(text)
    known = {name: pick.choice(DOMAINS[name]) for name in sorted(keep)}
    verdict = evaluate(expression, known)
    missing = [name for name in NAMES if name not in keep]
    for values in product(*(DOMAINS[name] for name in missing)):
        full = {**known, **dict(zip(missing, values, strict=True))}
        completed = evaluate(expression, full)
        if not isinstance(verdict, Unknown):
            assert completed == verdict
        elif not verdict.needs:
            assert completed == verdict, "what asks for nothing cannot change any more"


@given(text=truth(3), keep=st.sets(st.sampled_from(sorted(NAMES))), pick=st.randoms())
@THOROUGH
def test_what_is_not_needed_changes_nothing(text: str, keep: set[str], pick: Random) -> None:
    expression = checked(text)
    known = {name: pick.choice(DOMAINS[name]) for name in sorted(keep)}
    verdict = evaluate(expression, known)
    needs = verdict.needs if isinstance(verdict, Unknown) else frozenset()
    assert needs <= NAMES.keys() - keep
    irrelevant = sorted(NAMES.keys() - keep - needs)
    more = {name: pick.choice(DOMAINS[name]) for name in irrelevant}
    assert evaluate(expression, {**known, **more}) == verdict


def _other_engine(text: str, values: dict[str, Evaluated]) -> object:
    context = cel.Context()
    for name, value in values.items():
        plain = value.isoformat() if isinstance(value, date) else value
        context.add_variable(name, list(plain) if isinstance(plain, tuple) else plain)
    context.add_function("date", lambda written: written)
    context.add_function(
        "age_on",
        lambda born, on: dates.age_on(date.fromisoformat(born), date.fromisoformat(on)),
    )
    try:
        return cel.compile(text).execute(context)
    except (RuntimeError, ValueError, TypeError, OverflowError, ZeroDivisionError):
        return None


@given(text=truth(4), pick=st.randoms())
@THOROUGH
def test_on_known_answers_the_verdict_is_that_of_another_cel_engine(
    text: str, pick: Random
) -> None:
    values = {name: pick.choice(domain) for name, domain in DOMAINS.items()}
    ours, theirs = evaluate(checked(text), values), _other_engine(text, values)
    if theirs is not None:
        # Ours may still be known where theirs fails: both branches of a choice are equal.
        assert ours == theirs, text


_PIECES = [
    "a",
    "(",
    ")",
    "&&",
    "||",
    "!",
    "-",
    "1",
    "'x'",
    "in",
    "[",
    "]",
    ",",
    ".",
    "?",
    ":",
    "==",
]


@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(_PIECES)).map(" ".join)))
@settings(max_examples=600, deadline=timedelta(seconds=1))
def test_nonsense_is_refused_with_a_column_and_nothing_else(text: str) -> None:
    column = refused_at(text)
    assert column is None or 1 <= column <= len(text) + 1


def refused_at(text: str) -> int | None:
    """The column of the refusal, None when it is an expression; any other error fails the test."""
    try:
        evaluate(check(parse(text), NAMES), {})
    except ExpressionError as refusal:
        return refusal.column
    return None


@given(st.sampled_from(["(", "!", "-", "[", "a?", "a&&", "1+", "xs.all(x,", "size("]))
@settings(deadline=timedelta(seconds=1))
def test_no_length_of_repetition_breaks_the_parser(piece: str) -> None:
    text = piece * (2000 // len(piece))
    assert refused_at(text) is not None
    assert refused_at(text[:-1] + "a") != 0
