from itertools import product
from typing import get_args

import pytest

from identity.recovery.notices import SENTENCES
from identity.recovery.rules import MOVES, ChangeState, is_same_person

ITEM: dict[str, object] = {
    "claims": {"given_name": "Seonaidh Màiri", "family_name": "Nic an t-Saoir", "birth_date": "d"}
}
TYPED = {"given_name": "seonaidh mairi", "family_name": "NIC AN TSAOIR", "birth_date": "d"}


def test_the_table_of_moves_is_complete() -> None:
    states = get_args(ChangeState)
    assert {before for before, _ in MOVES} | set(MOVES.values()) == set(states)
    allowed = {("waiting", "done"), ("waiting", "stopped"), ("done", "undone")}
    found = {(before, after) for (before, _), after in MOVES.items()}
    assert found == allowed
    assert found < set(product(states, states))


def test_accents_case_and_signs_do_not_matter() -> None:
    assert is_same_person(ITEM, TYPED)


@pytest.mark.parametrize("name", ["given_name", "family_name", "birth_date"])
@pytest.mark.parametrize("typed", ["", "another"])
def test_every_part_must_match(name: str, typed: str) -> None:
    assert not is_same_person(ITEM, TYPED | {name: typed})


def test_nobody_matches_without_a_checked_identity() -> None:
    assert not is_same_person(None, TYPED)
    assert not is_same_person({"claims": {}}, {})
    assert not is_same_person({}, {"given_name": "", "family_name": "", "birth_date": ""})


def test_every_notice_is_in_both_languages() -> None:
    for words in SENTENCES.values():
        assert set(words) == {"en", "gd"}
        assert words["en"] != words["gd"]
