"""What bands, limits and authorities ask for, by tables; which sign-in is strong and fresh."""

from datetime import UTC, date, datetime, timedelta

import pytest

from payments.controls.rules import (
    Authority,
    Band,
    Demand,
    Limit,
    Rules,
    Scope,
    SignIn,
    Subject,
    demand_of,
    find_limit,
    highest_authority,
    is_stepped_up,
)
from shared.ids import new_id

ANY = Scope()
GRANTS, WAGES = new_id(), new_id()
DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def run(pence: int) -> Subject:
    return Subject(GRANTS, "bacs", pence)


@pytest.mark.parametrize(
    ("pence", "expected"),
    [
        (100_00, Demand(1, step_up=False)),
        (1_000_00, Demand(1, step_up=False)),
        (1_000_01, Demand(2, step_up=False, over_pence=1_000_00)),
        (5_000_01, Demand(2, step_up=True, over_pence=5_000_00)),
        (9_000_01, Demand(3, step_up=True, over_pence=9_000_00)),
    ],
)
def test_the_most_demanding_band_counts(pence: int, expected: Demand) -> None:
    rules = Rules(
        bands=[
            Band(ANY, 9_000_00, 3, step_up=False),
            Band(ANY, 1_000_00, 2, step_up=False),
            Band(ANY, 5_000_00, 1, step_up=True),
        ]
    )
    assert demand_of(rules, run(pence), 1) == expected


def test_a_band_never_asks_for_fewer_than_the_programme() -> None:
    rules = Rules(bands=[Band(ANY, 0, 1, step_up=False)])
    assert demand_of(rules, run(1), 2) == Demand(2, step_up=False)


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        (ANY, True),
        (Scope(GRANTS), True),
        (Scope(WAGES), False),
        (Scope(None, "bacs"), True),
        (Scope(None, "chaps"), False),
        (Scope(GRANTS, "chaps"), False),
    ],
)
def test_a_rule_counts_within_its_scope(scope: Scope, counts: bool) -> None:  # noqa: FBT001 - a table's column
    rules = Rules([Limit(scope, "run", 5)], [Band(scope, 0, 3, step_up=True)])
    assert (demand_of(rules, run(1), 1).approvals == 3) is counts
    assert (find_limit(rules, run(1), "run") == 5) is counts


def test_the_lowest_limit_of_a_measure_counts() -> None:
    rules = Rules([Limit(ANY, "run", 9), Limit(ANY, "run", 7), Limit(ANY, "payment", 1)])
    assert find_limit(rules, run(1), "run") == 7
    assert find_limit(rules, run(1), "day") is None


@pytest.mark.parametrize(
    ("person", "day", "expected"),
    [
        ("alan", DAY, 500),
        ("alan", date(2026, 11, 1), 500),
        ("alan", date(2026, 11, 30), 500),
        ("alan", date(2026, 10, 31), 0),
        ("alan", date(2026, 12, 1), 0),
        ("ava", DAY, 0),
        ("una", DAY, 0),
    ],
)
def test_an_authority_is_of_a_person_for_a_time(person: str, day: date, expected: int) -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    rules = Rules(
        authorities=[
            Authority(ANY, "alan", 100, first, last),
            Authority(Scope(GRANTS), "alan", 500, first, last),
            Authority(Scope(WAGES), "ava", 900, first, last),
        ]
    )
    assert highest_authority(rules, run(1), person, day) == expected


def test_without_a_register_nobody_is_measured_by_it() -> None:
    assert highest_authority(Rules(), run(1), "alan", DAY) is None


@pytest.mark.parametrize(
    ("sign_in", "expected"),
    [
        (None, False),
        (SignIn(None, "medium", frozenset()), False),
        (SignIn(NOW - timedelta(minutes=10), "medium", frozenset()), True),
        (SignIn(NOW - timedelta(minutes=10, seconds=1), "medium", frozenset()), False),
        (SignIn(NOW, "low", frozenset({"pwd"})), False),
        (SignIn(NOW, "", frozenset({"pwd", "otp"})), True),
        (SignIn(NOW, "urn:clachan:acr:gpg44:medium", frozenset()), True),
        (SignIn(NOW, "urn:clachan:acr:gpg44:low", frozenset()), False),
    ],
    ids=["none", "no time", "just", "too long ago", "one factor", "two", "level", "low level"],
)
def test_a_fresh_sign_in_with_two_factors(sign_in: SignIn | None, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_stepped_up(sign_in, NOW, timedelta(minutes=10)) is expected
