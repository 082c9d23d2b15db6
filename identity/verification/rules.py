"""The life of a verification, what its form takes, and how a result is judged; pure."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from identity.verification.gpg45 import Policy, Scores, match, score
from identity.verification.provider import CheckResult, Claimed
from shared.clock import london_date
from shared.errors import FieldError, Invalid

State = Literal[
    "starting",
    "with_provider",
    "collecting",
    "verified",
    "verified_with_warnings",
    "failed",
    "abandoned",
]
MOVES: Mapping[State, frozenset[State]] = {
    "starting": frozenset({"starting", "with_provider", "abandoned"}),
    "with_provider": frozenset({"collecting", "abandoned"}),
    "collecting": frozenset(
        {"collecting", "with_provider", "verified", "verified_with_warnings", "failed", "abandoned"}
    ),
    "verified": frozenset(),
    "verified_with_warnings": frozenset(),
    "failed": frozenset(),
    "abandoned": frozenset(),
}
SUCCESSES: frozenset[State] = frozenset({"verified", "verified_with_warnings"})
OUTCOMES: Mapping[State, str] = {
    "verified": "VERIFIED_SUCCESSFULLY",
    "verified_with_warnings": "VERIFIED_WITH_WARNINGS",
    "failed": "VERIFICATION_FAILED",
}
# How long one call to the provider may take before another process may try.
CLAIM_LIFE = timedelta(seconds=30)
VERIFICATION_LIFE = timedelta(days=7)
GPG45_SCOPE = "scotaccount.gpg45.medium"
ADDRESS_SCOPE = "scotaccount.address"
DOCUMENTS = {"passport": "passport", "driving_permit": "driving licence"}

Failure = Literal["document_expired", "face_mismatch", "details_differ", "not_confirmed", ""]
_MINIMUM_AGE_YEARS = 16
_MAXIMUM_AGE_YEARS = 130
_NAME_LENGTH = 100


@dataclass(frozen=True)
class _NameFaults:
    """Whole sentences, because parts of sentences cannot be translated."""

    missing: str
    too_long: str
    not_a_name: str


_FIRST_NAMES = _NameFaults(
    "Enter your first names",
    "Your first names must have 100 characters or fewer",
    "Enter your first names in letters",
)
_LAST_NAME = _NameFaults(
    "Enter your last name",
    "Your last name must have 100 characters or fewer",
    "Enter your last name in letters",
)
_LINE_LENGTH = 60
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")


@dataclass(frozen=True)
class Verdict:
    """What a result comes to: the state, why it failed, and the scores behind it."""

    state: State
    failure: Failure
    profile: str
    policy_version: str
    scores: Scores
    address_outcome: str


def can_move(before: State, after: State) -> bool:
    """Tell whether a verification may go from one state to the other."""
    return after in MOVES[before]


def judge(result: CheckResult, claimed: Claimed, policy: Policy, now: datetime) -> Verdict:
    """Score a result and say what it comes to; never says more than the person may know."""
    scores = score(result.checks, policy, now)
    failed = [detail for check in result.checks for detail in check.failed]
    profile = match(scores, policy)
    failure: Failure = ""
    if not _is_same_person(result, claimed):
        failure = "details_differ"
    elif profile is None:
        failure = _why(result, failed_methods={detail.check_method for detail in failed}, now=now)
    state: State = "failed" if failure else ("verified_with_warnings" if failed else "verified")
    address = "VERIFICATION_FAILED" if failure or result.address is None else OUTCOMES[state]
    return Verdict(
        state=state,
        failure=failure,
        profile=profile.id if profile and not failure else "",
        policy_version=policy.version,
        scores=scores,
        address_outcome=address,
    )


def _why(result: CheckResult, *, failed_methods: set[str], now: datetime) -> Failure:
    expiries = [check.document_expires for check in result.checks if check.document_expires]
    if any(expires < london_date(now) for expires in expiries):
        return "document_expired"
    if failed_methods & {"bvr", "bvp", "pvr", "pvp"}:
        return "face_mismatch"
    return "not_confirmed"


def _is_same_person(result: CheckResult, claimed: Claimed) -> bool:
    first, claimed_first = (
        _plain(name).split(" ") for name in (result.given_name, claimed.given_name)
    )
    return (
        first[0] == claimed_first[0]
        and _plain(result.family_name) == _plain(claimed.family_name)
        and result.birth_date == claimed.birth_date
    )


def _plain(name: str) -> str:
    """Return a name as documents compare it: no accents, case, apostrophes or double blanks."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    kept = (
        letter if letter.isalnum() else " "
        for letter in letters
        if letter not in "'’`" and not unicodedata.combining(letter)
    )
    return " ".join("".join(kept).split())


def read_claimed(form: Mapping[str, str], today: date) -> Claimed:
    """Return who somebody says they are; refuses with every fault, naming the fields."""
    faults: list[FieldError] = []
    given = _name(form, "given_name", _FIRST_NAMES, faults)
    family = _name(form, "family_name", _LAST_NAME, faults)
    born = _birth_date(form, today, faults)
    lines = _address(form, faults)
    postcode = re.sub(r"\s+", "", form.get("postcode", "")).upper()
    found = _POSTCODE.fullmatch(postcode)
    if not postcode:
        faults.append(FieldError("postcode", "Enter your postcode"))
    elif found is None:
        faults.append(FieldError("postcode", "Enter a full UK postcode, like EH1 1AA"))
    document = form.get("document", "")
    if document not in DOCUMENTS:
        faults.append(FieldError("document", "Choose which document you will use"))
    if faults or born is None or found is None:
        raise Invalid(*faults)
    return Claimed(given, family, born, lines, " ".join(found.groups()), document)


def _name(
    form: Mapping[str, str], field: str, saying: _NameFaults, faults: list[FieldError]
) -> str:
    name = " ".join(unicodedata.normalize("NFC", form.get(field, "")).split())
    if not name:
        faults.append(FieldError(field, saying.missing))
    elif len(name) > _NAME_LENGTH:
        faults.append(FieldError(field, saying.too_long))
    elif not any(letter.isalpha() for letter in name) or any(
        letter.isdigit() or letter in "<>{}[]@" for letter in name
    ):
        faults.append(FieldError(field, saying.not_a_name))
    return name


def _birth_date(form: Mapping[str, str], today: date, faults: list[FieldError]) -> date | None:
    parts = [form.get(f"birth_date-{part}", "") for part in ("year", "month", "day")]
    if not any(parts):
        faults.append(FieldError("birth_date", "Enter your date of birth"))
        return None
    try:
        born = date(*(int(part) if part.isascii() and part.isdigit() else 0 for part in parts))
    except (ValueError, OverflowError):
        faults.append(FieldError("birth_date", "Enter a real date of birth, like 27 3 1980"))
        return None
    if born > today:
        faults.append(FieldError("birth_date", "Your date of birth must be in the past"))
    elif _age(born, today) < _MINIMUM_AGE_YEARS:
        faults.append(FieldError("birth_date", "You must be 16 or older to verify who you are"))
    elif _age(born, today) > _MAXIMUM_AGE_YEARS:
        faults.append(FieldError("birth_date", "Check the year of your date of birth"))
    return born


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _address(form: Mapping[str, str], faults: list[FieldError]) -> tuple[str, ...]:
    lines = {
        name: " ".join(form.get(name, "").split())
        for name in ("address_line_1", "address_line_2", "town")
    }
    for field, message in (
        ("address_line_1", "Enter the first line of your address"),
        ("town", "Enter your town or city"),
    ):
        if not lines[field]:
            faults.append(FieldError(field, message))
    for field, line in lines.items():
        if len(line) > _LINE_LENGTH:
            faults.append(FieldError(field, "Use 60 characters or fewer in one line"))
    return tuple(line for line in lines.values() if line)


def claimed_to_json(claimed: Claimed) -> str:
    """Return what somebody claimed as it is sealed."""
    return json.dumps({**claimed.__dict__, "birth_date": claimed.birth_date.isoformat()})


def claimed_from_json(stored: str) -> Claimed:
    """Return what ``claimed_to_json`` wrote."""
    members = json.loads(stored)
    members["birth_date"] = date.fromisoformat(members["birth_date"])
    members["address_lines"] = tuple(members["address_lines"])
    return Claimed(**members)
