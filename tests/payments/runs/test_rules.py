"""The tables of moves and steps are whole, and the hash is over everything that is signed."""

from typing import get_args

import pytest

from payments.runs.rules import (
    ADMINISTRATOR,
    APPROVER,
    AUDITOR,
    CONFIRMATION_OF_PAYEE,
    ENQUIRY,
    FINISHED,
    OUTCOME_STATES,
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    PAYMENT_MOVES,
    RECONCILER,
    RELEASER,
    ROLE_NAMES,
    RUN_MOVES,
    STEPS,
    UPLOADER,
    WORDS,
    PaymentState,
    RunState,
    Step,
    find_path,
    has_role_for,
    is_possible_in,
)
from payments.runs.wording import RUN_TEXTS, STATE_TEXTS


def test_every_state_has_its_row_and_its_words() -> None:
    assert set(PAYMENT_MOVES) == set(get_args(PaymentState)) == set(STATE_TEXTS)
    assert set(RUN_MOVES) == set(get_args(RunState)) == set(RUN_TEXTS)
    assert set(STEPS) == set(get_args(Step))
    for moves in PAYMENT_MOVES.values():
        assert moves <= set(PAYMENT_MOVES)
    for moves in RUN_MOVES.values():
        assert moves <= set(RUN_MOVES)


def test_every_payment_can_come_to_an_end() -> None:
    def ends(state: PaymentState, seen: frozenset[str]) -> bool:
        return not PAYMENT_MOVES[state] or any(
            ends(after, seen | {state}) for after in PAYMENT_MOVES[state] - seen
        )

    assert all(ends(state, frozenset()) for state in PAYMENT_MOVES)


def test_nothing_leaves_a_final_state() -> None:
    for state in ("scheme_rejected", "returned", "recalled", "cancelled"):
        assert PAYMENT_MOVES[state] == frozenset()
        assert state in FINISHED


def test_every_state_can_be_reached_from_received() -> None:
    seen, waiting = set(), ["received"]
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            waiting += PAYMENT_MOVES[state]
    assert seen == set(PAYMENT_MOVES)


def test_only_approval_leads_to_the_bank() -> None:
    assert {state for state, after in PAYMENT_MOVES.items() if "released" in after} == {"approved"}
    assert {state for state, after in PAYMENT_MOVES.items() if "approved" in after} == {
        "awaiting_approval"
    }


def test_the_words_and_roles_of_scotpayments_appear_as_such() -> None:
    assert set(WORDS.values()) == {"approved", "sent to the Bacs network", "returned"}
    assert list(ROLE_NAMES.values())[:4] == [
        "Uploader",
        "Approver",
        "Enquiry only",
        "Confirmation of Payee",
    ]


EXPECTED = {
    "view": {UPLOADER, APPROVER, ENQUIRY, RELEASER, RECONCILER, AUDITOR},
    "put_forward": {UPLOADER},
    "approve": {APPROVER},
    "reject": {APPROVER},
    "release": {UPLOADER, APPROVER, RELEASER},
    "recall": {APPROVER, RELEASER},
    "edit": {UPLOADER},
    "remove": {UPLOADER},
    "override": {UPLOADER, APPROVER},
}


@pytest.mark.parametrize("step", get_args(Step))
@pytest.mark.parametrize("role", ROLE_NAMES)
def test_who_may_do_what(step: Step, role: str) -> None:
    assert has_role_for(step, {role}) == (role in EXPECTED[step])


@pytest.mark.parametrize(
    "role", [CONFIRMATION_OF_PAYEE, ADMINISTRATOR, PAYEE_EDITOR, PAYEE_APPROVER]
)
def test_who_keeps_names_or_limits_sees_no_runs(role: str) -> None:
    assert not any(has_role_for(step, {role}) for step in STEPS)


@pytest.mark.parametrize("state", ["released", "submitted", "closed"])
def test_nothing_changes_a_run_that_has_left(state: RunState) -> None:
    possible = [step for step in STEPS if is_possible_in(step, state)]
    # While nobody began to send its file, a released run is taken back whole.
    assert possible == (["view", "recall"] if state == "released" else ["view"])


@pytest.mark.parametrize(
    ("before", "kind", "path"),
    [
        ("released", "submitted", ["submitted"]),
        ("released", "refused", ["scheme_rejected"]),
        ("released", "accepted", ["submitted", "accepted"]),
        ("released", "returned", ["submitted", "accepted", "returned"]),
        ("submitted", "rejected", ["scheme_rejected"]),
        ("accepted", "paid", ["paid"]),
        ("accepted", "returned", ["returned"]),
        ("paid", "returned", ["returned"]),
        ("paid", "paid", []),
        ("paid", "accepted", []),
        ("returned", "paid", []),
        ("accepted", "rejected", None),
        ("scheme_rejected", "paid", None),
        ("cancelled", "accepted", None),
        ("approved", "submitted", None),
        ("ready", "paid", None),
    ],
)
def test_what_the_bank_says_finds_its_way(
    before: PaymentState, kind: str, path: list[PaymentState] | None
) -> None:
    assert find_path(before, OUTCOME_STATES[kind]) == path
