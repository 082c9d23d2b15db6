"""The life of payments and runs, and who may move them (payments contract, sections 3 and 9)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from payments.payees.master.rules import PayeeView, payee_hold
from payments.payees.rules import StoredCheck, is_current, outcome_of
from shared.errors import FieldError

PaymentState = Literal[
    "received",
    "invalid",
    "validated",
    "held",
    "ready",
    "awaiting_approval",
    "approved",
    "released",
    "submitted",
    "accepted",
    "scheme_rejected",
    "paid",
    "returned",
    "rejected",
    "recalled",
    "cancelled",
]
RunState = Literal[
    "preparing",
    "collecting",
    "correcting",
    "putting_forward",
    "awaiting_approval",
    "approving",
    "approved",
    "released",
    "submitted",
    "closed",
    "cancelled",
]
Step = Literal[
    "view",
    "put_forward",
    "approve",
    "reject",
    "release",
    "recall",
    "edit",
    "remove",
    "override",
]

PAYMENT_MOVES: dict[PaymentState, frozenset[PaymentState]] = {
    "received": frozenset({"invalid", "validated"}),
    "invalid": frozenset({"received", "cancelled"}),
    "validated": frozenset({"held", "ready"}),
    "held": frozenset({"ready", "validated", "cancelled"}),
    "ready": frozenset({"awaiting_approval", "held", "validated", "cancelled"}),
    "awaiting_approval": frozenset({"approved", "rejected", "validated", "cancelled"}),
    "approved": frozenset({"released", "recalled", "validated", "cancelled"}),
    "rejected": frozenset({"validated", "cancelled"}),
    # A file that the bank refuses never becomes submitted; its payments end as rejected items do.
    "released": frozenset({"submitted", "recalled", "scheme_rejected"}),
    "submitted": frozenset({"accepted", "scheme_rejected"}),
    "accepted": frozenset({"paid", "returned"}),
    "paid": frozenset({"returned"}),
    "scheme_rejected": frozenset(),
    "returned": frozenset(),
    "recalled": frozenset(),
    "cancelled": frozenset(),
}
RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    "preparing": frozenset({"collecting", "cancelled"}),
    "collecting": frozenset({"awaiting_approval", "putting_forward", "cancelled"}),
    "correcting": frozenset({"awaiting_approval", "putting_forward", "cancelled"}),
    "putting_forward": frozenset({"awaiting_approval", "correcting"}),
    "awaiting_approval": frozenset({"approved", "approving", "correcting"}),
    "approving": frozenset({"approved"}),
    "approved": frozenset({"released", "correcting", "cancelled"}),
    "released": frozenset({"submitted", "closed", "cancelled"}),
    "submitted": frozenset({"closed"}),
    # A match with the bank statement was taken back: payments wait for their debit again.
    "closed": frozenset({"submitted"}),
    "cancelled": frozenset(),
}

# The three status words of ScotPayments; other states have none.
WORDS: dict[PaymentState, str] = {
    "approved": "approved",
    "released": "approved",
    "submitted": "sent to the Bacs network",
    "accepted": "sent to the Bacs network",
    "paid": "sent to the Bacs network",
    "scheme_rejected": "returned",
    "returned": "returned",
}

# What came back, or was never sent: its money is owed still, so another payment may replace it.
REPLACEABLE: frozenset[PaymentState] = frozenset({"returned", "scheme_rejected"})

UPLOADER = "payments.uploader"
APPROVER = "payments.approver"
ENQUIRY = "payments.enquiry"
CONFIRMATION_OF_PAYEE = "payments.confirmation_of_payee"
RELEASER = "payments.releaser"
PAYEE_EDITOR = "payments.payee_editor"
PAYEE_APPROVER = "payments.payee_approver"
RECONCILER = "payments.reconciler"
AUDITOR = "payments.auditor"
ADMINISTRATOR = "payments.administrator"
# Who may look at runs and payments at all; an administrator touches no payments (contract 9).
SEES_RUNS = (UPLOADER, APPROVER, ENQUIRY, RELEASER, RECONCILER, AUDITOR)
# As people see them; the first four are the role names of ScotPayments.
ROLE_NAMES = {
    UPLOADER: "Uploader",
    APPROVER: "Approver",
    ENQUIRY: "Enquiry only",
    CONFIRMATION_OF_PAYEE: "Confirmation of Payee",
    RELEASER: "Releaser",
    PAYEE_EDITOR: "Payee editor",
    PAYEE_APPROVER: "Payee approver",
    RECONCILER: "Reconciler",
    AUDITOR: "Auditor",
    ADMINISTRATOR: "Administrator",
}

_EDITABLE: frozenset[RunState] = frozenset(
    {"collecting", "correcting", "awaiting_approval", "approved"}
)
# Step: the roles of which one is needed, and the run states in which it is possible.
STEPS: dict[Step, tuple[frozenset[str], frozenset[RunState]]] = {
    "view": (frozenset(SEES_RUNS), frozenset(RUN_MOVES)),
    "put_forward": (frozenset({UPLOADER}), frozenset({"collecting", "correcting"})),
    "approve": (frozenset({APPROVER}), frozenset({"awaiting_approval"})),
    "reject": (frozenset({APPROVER}), frozenset({"awaiting_approval"})),
    "release": (frozenset({UPLOADER, APPROVER, RELEASER}), frozenset({"approved"})),
    "recall": (frozenset({APPROVER, RELEASER}), frozenset({"approved", "released"})),
    "edit": (frozenset({UPLOADER}), _EDITABLE),
    "remove": (frozenset({UPLOADER}), _EDITABLE),
    "override": (frozenset({UPLOADER, APPROVER}), frozenset({"collecting", "correcting"})),
}

MAXIMUM_AMOUNT_PENCE = 2_000_000_000
MAXIMUM_REFERENCE = 18
MAXIMUM_PAYEE_NAME = 140
_BACS_TEXT = re.compile(r"[A-Z0-9.&/ -]+")


def can_move_payment(before: PaymentState, after: PaymentState) -> bool:
    """Tell whether a payment may go from one state to another."""
    return after in PAYMENT_MOVES[before]


# What a run's payments pass through at once when it is put forward or sent back.
_PASSING: tuple[PaymentState, ...] = ("validated", "ready")


def can_reach(before: PaymentState, after: PaymentState) -> bool:
    """Tell whether a payment may go from one state to another, through the checks if need be."""
    starts = {before} | {one for one in _PASSING if can_move_payment(before, one)}
    if "validated" in starts:
        starts.add("ready")
    return any(can_move_payment(start, after) for start in starts)


def can_move_run(before: RunState, after: RunState) -> bool:
    """Tell whether a run may go from one state to another."""
    return after in RUN_MOVES[before]


def has_role_for(step: Step, roles: Collection[str]) -> bool:
    """Tell whether one of a person's roles allows a step."""
    return not STEPS[step][0].isdisjoint(roles)


def is_possible_in(step: Step, state: RunState) -> bool:
    """Tell whether a run in this state can take a step."""
    return state in STEPS[step][1]


def clean_reference(reference: str) -> str:
    """Return a payment reference in the Bacs alphabet's capital letters."""
    return reference.strip().upper()


def check_order(
    payee_name: str, account_type: str, amount_pence: int, currency: str, reference: str
) -> list[FieldError]:
    """Return every fault of what a payment says, apart from the account number."""
    faults: list[FieldError] = []
    if not payee_name.strip():
        faults.append(FieldError("payee_name", "Enter the name on the account"))
    elif len(payee_name) > MAXIMUM_PAYEE_NAME:
        faults.append(FieldError("payee_name", "Enter a name of up to 140 characters"))
    if account_type not in ("personal", "business"):
        faults.append(FieldError("account_type", "Select personal or business"))
    if not 1 <= amount_pence <= MAXIMUM_AMOUNT_PENCE:
        faults.append(FieldError("amount", "Enter an amount from £0.01 to £20,000,000.00"))
    if currency != "GBP":
        faults.append(FieldError("currency", "Payments are made in GBP only"))
    if not 1 <= len(reference) <= MAXIMUM_REFERENCE:
        faults.append(FieldError("reference", "Enter a reference of 1 to 18 characters"))
    elif not _BACS_TEXT.fullmatch(reference):
        faults.append(
            FieldError(
                "reference",
                "Use capital letters, numbers, full stops, ampersands, slashes and hyphens only",
            )
        )
    return faults


@dataclass(frozen=True)
class Hold:
    """Why a payment waits for a person."""

    code: str
    reason: str


def decide_hold(
    check: StoredCheck | None, payee_fingerprint: bytes, now: datetime, duplicate_of: str | None
) -> Hold | None:
    """Return what stops a payment: no good name check of exactly this payee, or a duplicate.

    A match passes, and so does an answer that the policy only warns about (contract 5.2).
    """
    if check is None or not is_current(check.answered_at, now):
        return Hold("name_not_checked", "The name on the account has not been checked.")
    if check.payee_fingerprint != payee_fingerprint:
        return Hold("details_changed", "The payee's details changed after the name was checked.")
    outcome = outcome_of(check.reason_code)
    if outcome.policy in ("hold", "block"):
        return Hold(f"name_{outcome.group}", outcome.explanation)
    if duplicate_of is not None:
        return Hold(
            "duplicate",
            "A payment with the same account, amount and reference was made in the last 35 days.",
        )
    return None


def hold_of_payee(payee_view: PayeeView | None, now: datetime) -> Hold | None:
    """Return what the payee master says against a payment now."""
    found = payee_hold(payee_view, now)
    return None if found is None else Hold(found.code, found.reason)


OUTCOME_STATES: dict[str, PaymentState] = {
    "submitted": "submitted",
    "refused": "scheme_rejected",
    "accepted": "accepted",
    "rejected": "scheme_rejected",
    "paid": "paid",
    "returned": "returned",
}
# Correction: only from here, and back to what the bank had said before.
UNPAID = "unpaid"
_BANK_STATES: frozenset[PaymentState] = frozenset({"submitted", "accepted", "paid"})
FINISHED: frozenset[PaymentState] = frozenset(
    {"paid", "returned", "scheme_rejected", "recalled", "cancelled"}
)


def find_path(before: PaymentState, after: PaymentState) -> list[PaymentState] | None:
    """Return the states from one to another, without the first, through what banks report.

    An answer may come before the one that it presupposes. Empty when the payment is there or
    beyond already; None when the answer contradicts what is known.
    """
    if before == after or _reach(after, before) is not None:
        return []
    return _reach(before, after)


def find_path_of(kind: str, reason_code: str, before: PaymentState) -> list[PaymentState] | None:
    """Return the states through which an answer of the bank takes a payment, as ``find_path``.

    That it is not paid after all takes a paid payment back to the state named by its code, and
    changes nothing of any other.
    """
    if kind != UNPAID:
        return find_path(before, OUTCOME_STATES[kind])
    if before != "paid":
        return []
    return ["accepted" if reason_code == "accepted" else "submitted"]


def _reach(before: PaymentState, after: PaymentState) -> list[PaymentState] | None:
    waiting: list[list[PaymentState]] = [[before]]
    for path in waiting:
        for step in sorted(PAYMENT_MOVES[path[-1]]):
            if step == after:
                return [*path[1:], step]
            if step in _BANK_STATES and step not in path:
                waiting.append([*path, step])
    return None
