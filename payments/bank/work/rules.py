"""Why work comes up, what is to be done about it, and until when (payments contract 6.2)."""

from datetime import date
from typing import Literal

from payments.bank import calendar

WorkKind = Literal[
    "returned",
    "rejected",
    "amended",
    "file_refused",
    "file_stopped",
    "totals_differ",
    "outcome_unknown",
    "report_unread",
    "report_contradicts",
    "statement_unread",
]
WorkAction = Literal[
    "ask_payee",
    "stop_payee",
    "look_for_notice",
    "check_details",
    "confirm_recall",
    "correct_details",
    "change_payee",
    "find_out",
    "pay_again",
    "get_statement",
]

# A service user must act on ARUCS within three working days; the rest is for the next day.
_DAYS: dict[WorkKind, int] = {"returned": 3, "rejected": 3, "amended": 3}
RETURN_ACTIONS: dict[str, WorkAction] = {
    "0": "ask_payee",
    "2": "stop_payee",
    "3": "look_for_notice",
    "5": "check_details",
    "B": "ask_payee",
    "C": "confirm_recall",
}
KIND_TEXTS: dict[str, str] = {
    "returned": "Payment returned",
    "rejected": "Payment rejected by the bank",
    "amended": "Bank details amended",
    "file_refused": "File refused by the bank",
    "file_stopped": "File not written",
    "totals_differ": "Control totals differ",
    "outcome_unknown": "Outcome of a hand-over unknown",
    "report_unread": "Report could not be read",
    "report_contradicts": "Report contradicts what was sent",
    "statement_unread": "Statement could not be taken in",
}
ACTION_TEXTS: dict[str, str] = {
    "ask_payee": "Ask the payee for new bank details, then pay again or write back",
    "stop_payee": "Stop all payments to the payee and refer the case",
    "look_for_notice": "Look for a notice of the new account, else ask the payee",
    "check_details": "Check the details against what the payee gave, then ask the payee",
    "confirm_recall": "Confirm that we asked for the payment back",
    "correct_details": "Correct the details, then pay again or write back",
    "change_payee": "Check the new details and propose the change of the payee",
    "find_out": "Find out why, with the bank if need be",
    "pay_again": "Pay again in a new run, or write back",
    "get_statement": "Correct the cause or ask the bank again; the file is tried once a day",
}


def action_for_return(code: str) -> WorkAction:
    """Return what a return code of ARUCS asks for; unknown codes are to be found out about."""
    return RETURN_ACTIONS.get(code, "find_out")


def action_for_rejection(code: str) -> WorkAction:
    """Return what an input report's error category asks for.

    E, J, K, L and M are faults of the payee's details, O of the reference; the rest concerns
    our own account or the file.
    """
    return "correct_details" if code in "EJKLMO" and code else "find_out"


def due_date(kind: WorkKind, today: date) -> date:
    """Return until when work of a kind is to be done, in Bacs working days."""
    return calendar.shift(today, _DAYS.get(kind, 1))
