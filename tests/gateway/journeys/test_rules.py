from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journeys.rules import (
    MOVES,
    PAYOUT_MOVES,
    PAYOUT_STATES,
    RENEWABLE,
    STATES,
    Move,
    PayoutState,
    State,
    moves_payout,
    next_state,
    payout_state,
)
from shared.errors import Conflict

ALL_MOVES: tuple[Move, ...] = get_args(Move)
ENDS = {"discarded"}


def test_every_state_has_its_row_and_leads_only_to_states() -> None:
    assert set(MOVES) == set(STATES)
    assert {after for row in MOVES.values() for after in row.values()} <= set(STATES)
    assert {move for row in MOVES.values() for move in row} | {"begin"} == set(ALL_MOVES)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("move", ALL_MOVES)
def test_a_move_is_in_the_table_or_refused(state: State, move: Move) -> None:
    if move in MOVES[state]:
        assert next_state(state, move) == MOVES[state][move]
    else:
        with pytest.raises(Conflict):
            next_state(state, move)


@pytest.mark.parametrize("state", STATES)
def test_a_refusal_is_a_sentence_without_the_names_of_the_program(state: State) -> None:
    move = next(each for each in ALL_MOVES if each not in MOVES[state])
    with pytest.raises(Conflict) as refusal:
        next_state(state, move)
    words = refusal.value.detail
    assert words.endswith(".")
    assert not {"referred", "refused", "awarded", "draft"} & set(words.replace(".", "").split())


def test_every_state_is_reached_from_a_draft() -> None:
    reached: set[str] = {"draft"}
    while True:
        more = {after for state in reached for after in MOVES[state].values()} - reached  # type: ignore[index]  # another shape would fail the test
        if not more:
            break
        reached |= more
    assert reached == set(STATES)


def test_only_a_discarded_application_allows_nothing() -> None:
    assert {state for state, row in MOVES.items() if not row} == ENDS


def test_nothing_leads_back_into_a_draft() -> None:
    leading = {state for state, row in MOVES.items() if "draft" in row.values()}
    assert leading == {"draft"}


def test_an_application_is_decided_once() -> None:
    for state, row in MOVES.items():
        if {"award", "refuse", "refer"} & set(row):
            assert state in {"submitted", "referred"}


def test_every_payout_state_has_its_row_and_no_way_back() -> None:
    assert set(PAYOUT_MOVES) == set(PAYOUT_STATES)
    for state, following in PAYOUT_MOVES.items():
        assert state not in following
        assert all(state not in PAYOUT_MOVES[other] for other in following)


def test_only_money_that_will_not_arrive_can_be_paid_anew() -> None:
    assert {state for state in RENEWABLE if PAYOUT_MOVES[state]} == set()


@pytest.mark.parametrize("news", list(permutations(["approved", "sent", "paid", "returned"])))
def test_a_return_is_the_end_whatever_the_order_of_the_news(news: tuple[str, ...]) -> None:
    state: PayoutState = "accepted"
    for word in news:
        told = payout_state(word)
        assert told is not None
        if moves_payout(state, told):
            state = told
    assert state == "returned"


@given(st.lists(st.sampled_from(PAYOUT_STATES), max_size=12))
def test_repeated_news_change_nothing(news: list[PayoutState]) -> None:
    state: PayoutState = "requested"
    for told in news:
        if moves_payout(state, told):
            state = told
        assert not moves_payout(state, told) or told != state
        assert not moves_payout(state, state)
