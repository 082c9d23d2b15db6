from itertools import product

import pytest

from notifications.channels.provider import Result
from notifications.messages.rules import (
    FINAL,
    MOVES,
    Happening,
    State,
    check_address,
    happening_of,
    move,
)
from shared.errors import Conflict, Invalid


@pytest.mark.parametrize(("state", "happening"), list(product(State, Happening)))
def test_every_move_is_in_the_table_or_refused(state: State, happening: Happening) -> None:
    if (state, happening) in MOVES:
        assert move(state, happening) is MOVES[state, happening]
        assert state not in FINAL
    else:
        with pytest.raises(Conflict):
            move(state, happening)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(MOVES.values()) | {State.CREATED} == set(State)
    assert {state for state, _ in MOVES} | FINAL == set(State)


@pytest.mark.parametrize("result", list(Result))
def test_every_answer_means_something_for_a_message_that_is_sent(result: Result) -> None:
    assert move(State.SENDING, happening_of(result, last_try=False)) in State
    assert move(State.SENDING, happening_of(result, last_try=True)) in FINAL


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" Morag@Example.Test ", "morag@example.test"),
        ("a\u200bb@example.test", "ab@example.test"),
        ("o'neil+x@sub.example.co.uk", "o'neil+x@sub.example.co.uk"),
        (".dot@example.test", ".dot@example.test"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_brought_into_one_form(typed: str, address: str) -> None:
    assert check_address(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "a",
            "a@",
            "@b.test",
            "a@b",
            "a@b.c",
            "a b@c.test",
            "a@b..test",
            "a@.test",
            "a@b.test.",
        ),
        *("a@-b.test", "a@b_c.test", "a@[127.0.0.1]", '"a"@b.test', "a;b@c.test", "a@b@c.test"),
        *("ä@b.test", "a@b.123", "x" * 320 + "@b.test", "a@" + "b" * 64 + ".test", "a@b c.test"),
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_address(typed)
    assert refused.value.fields[0].field == "to"
