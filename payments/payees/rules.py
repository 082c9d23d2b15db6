"""What each Confirmation of Payee answer means, and what the product does about it (5.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Group = Literal["match", "close_match", "no_match", "unable_to_check"]
Policy = Literal["pass", "warn", "hold", "block"]

POLICY_VERSION = "uk-cop-2026-1"
LIFETIME = timedelta(days=90)
NO_ANSWER = "NOANSWER"
CHECK_ROLES = ("payments.confirmation_of_payee", "payments.uploader")

GROUP_TITLES: dict[Group, str] = {
    "match": "Match",
    "close_match": "Close match",
    "no_match": "No match",
    "unable_to_check": "Unable to check",
}


@dataclass(frozen=True)
class Outcome:
    """One line of the outcome table."""

    group: Group
    policy: Policy
    explanation: str
    shows_name: bool = False


MATCH = Outcome("match", "pass", "The name and the type of account match.")

# The United Kingdom's scheme; another scheme has a table of its own.
OUTCOMES: dict[str, Outcome] = {
    "MBAM": Outcome("close_match", "hold", "The name is close to the account holder's name.", True),
    "BAMM": Outcome(
        "close_match", "hold", "The name is close, and the account is a business account.", True
    ),
    "PAMM": Outcome(
        "close_match", "hold", "The name is close, and the account is a personal account.", True
    ),
    "BANM": Outcome("close_match", "warn", "The name matches, but the account is for a business."),
    "PANM": Outcome("close_match", "warn", "The name matches, but the account is a personal one."),
    "ANNM": Outcome("no_match", "block", "The name is not the account holder's name."),
    "AC01": Outcome("no_match", "block", "There is no account with these details."),
    "IVCR": Outcome(
        "unable_to_check", "block", "The account needs a roll number or other reference."
    ),
    "ACNS": Outcome(
        "unable_to_check", "warn", "The bank does not check names for this kind of account."
    ),
    "OPTO": Outcome(
        "unable_to_check", "warn", "The account holder has asked not to be part of name checks."
    ),
    "SCNS": Outcome(
        "unable_to_check", "warn", "The bank that was asked does not hold this sort code."
    ),
    "CASS": Outcome(
        "unable_to_check", "warn", "The account was switched to another bank. Ask for new details."
    ),
    NO_ANSWER: Outcome(
        "unable_to_check", "warn", "The bank did not answer, so the name was not checked."
    ),
}


def decide(*, matched: bool, reason_code: str | None) -> tuple[Outcome, str | None]:
    """Return the outcome of an answer and the code to keep; an unknown code is no answer."""
    if matched:
        return MATCH, None
    if reason_code in OUTCOMES:
        return OUTCOMES[reason_code], reason_code
    return OUTCOMES[NO_ANSWER], NO_ANSWER


def outcome_of(reason_code: str | None) -> Outcome:
    """Return the line of the table for a stored code; None is a match."""
    return MATCH if reason_code is None else OUTCOMES[reason_code]


def is_current(answered_at: datetime | None, now: datetime) -> bool:
    """Tell whether an answer may still be relied on: it is there and at most 90 days old (5.4)."""
    return answered_at is not None and now - answered_at < LIFETIME


@dataclass(frozen=True)
class StoredCheck:
    """What a payment needs to know of the check that stands behind it."""

    id: UUID
    payee_fingerprint: bytes
    outcome: str | None
    reason_code: str | None
    asked_at: datetime
    answered_at: datetime | None
