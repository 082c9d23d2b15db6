"""The life of an application and of its payment: each one table of allowed moves."""

from collections.abc import Mapping
from typing import Literal, cast, get_args

from shared.errors import Conflict

State = Literal["draft", "discarded", "submitted", "referred", "awarded", "refused", "completed"]
Move = Literal[
    "begin",
    "answer",
    "acknowledge",
    "sign_in",
    "verify",
    "check_payee",
    "discard",
    "submit",
    "award",
    "refuse",
    "refer",
    "request_payment",
    "send_letter",
    "finish",
    "renew_payment",
]
STATES: tuple[State, ...] = get_args(State)

MOVES: Mapping[State, Mapping[Move, State]] = {
    "draft": {
        "answer": "draft",
        "acknowledge": "draft",
        "sign_in": "draft",
        "verify": "draft",
        "check_payee": "draft",
        "discard": "discarded",
        "submit": "submitted",
    },
    "discarded": {},
    "submitted": {"award": "awarded", "refuse": "refused", "refer": "referred"},
    "referred": {"award": "awarded", "refuse": "refused"},
    "awarded": {
        "request_payment": "awarded",
        "send_letter": "awarded",
        "check_payee": "awarded",
        "renew_payment": "awarded",
        "finish": "completed",
    },
    "refused": {"send_letter": "refused", "finish": "completed"},
    "completed": {
        "check_payee": "completed",
        "renew_payment": "completed",
        "request_payment": "completed",
    },
}


def next_state(state: State, move: Move) -> State:
    """Return the state after a move; refuses one that the table does not allow."""
    after = MOVES[state].get(move)
    if after is None:
        raise _not_allowed(state)
    return after


def _not_allowed(state: State) -> Conflict:
    """Return the refusal in words for the person: a state's name is for programs."""
    code = "move_not_allowed"
    if state == "draft":
        return Conflict(
            code, "That cannot be done yet", detail="This application has not been sent."
        )
    if state == "discarded":
        return Conflict(
            code,
            "That cannot be done any more",
            detail="This application was deleted. You can begin a new one.",
        )
    if state in ("submitted", "referred"):
        return Conflict(
            code,
            "That cannot be done any more",
            detail="This application has been sent and is waiting for a decision.",
        )
    return Conflict(
        code, "That cannot be done any more", detail="This application has been decided."
    )


PayoutState = Literal[
    "requested", "accepted", "approved", "sent", "paid", "refused", "stopped", "returned"
]
PAYOUT_STATES: tuple[PayoutState, ...] = get_args(PayoutState)

# News of a payment may be late or lost: a payment goes forward in this order and may leave steps
# out. A return may follow a payment that was reported as paid.
_FORWARD: tuple[PayoutState, ...] = ("requested", "accepted", "approved", "sent", "paid")
PAYOUT_MOVES: Mapping[PayoutState, frozenset[PayoutState]] = {
    "requested": frozenset({*_FORWARD[1:], "refused", "stopped", "returned"}),
    "accepted": frozenset({*_FORWARD[2:], "stopped", "returned"}),
    "approved": frozenset({*_FORWARD[3:], "stopped", "returned"}),
    "sent": frozenset({"paid", "stopped", "returned"}),
    "paid": frozenset({"returned"}),
    "refused": frozenset(),
    "stopped": frozenset(),
    "returned": frozenset(),
}
# A new payment needs new bank details in these states: the money did not arrive and will not.
RENEWABLE: frozenset[PayoutState] = frozenset({"refused", "returned"})

_FROM_PAYMENTS: Mapping[str, PayoutState] = {
    "received": "accepted",
    "validated": "accepted",
    "held": "accepted",
    "ready": "accepted",
    "awaiting_approval": "accepted",
    "approved": "approved",
    "released": "approved",
    "submitted": "sent",
    "sent": "sent",
    "accepted": "sent",
    "paid": "paid",
    "invalid": "stopped",
    "rejected": "stopped",
    "recalled": "stopped",
    "cancelled": "stopped",
    "scheme_rejected": "returned",
    "returned": "returned",
}


def payout_state(payments_word: str) -> PayoutState | None:
    """Return the citizen's state for a state of the payments service, None for an unknown one."""
    return _FROM_PAYMENTS.get(payments_word)


def moves_payout(current: str, news: PayoutState) -> bool:
    """Tell whether news of a payment is news: late and repeated ones are not."""
    return news in PAYOUT_MOVES[cast("PayoutState", current)]


def effect_key(instance_id: object, step: str, attempt: int) -> str:
    """Return the idempotency key of a step's effect outside (contract section 4.3)."""
    return f"{instance_id}-{step}-{attempt}"
