"""Good Practice Guide 45: scores of checks and the identity profiles they reach; pure.

The table is data with a version (``gpg45_profiles.json``); every number in it is a minimum.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import permutations
from pathlib import Path

from shared.clock import london_date

KNOWN_DOCUMENTS = frozenset(
    {
        "passport",
        "driving_permit",
        "bank_account",
        "residence_permit",
        "national_insurance_record",
        "identity_card",
    }
)
_SOFT_FRAUD_FAILURES = frozenset(
    {"applicable_authoritative_source", "available_authoritative_source"}
)


@dataclass(frozen=True)
class CheckDetail:
    """One thing that a check did, in the words of the evidence vocabulary."""

    check_method: str = ""
    biometric_level: int | None = None
    fraud_check: str = ""
    data_check: str = ""


@dataclass(frozen=True)
class ContraIndicator:
    """Something that speaks against an identity until it is explained."""

    code: str
    is_mitigated: bool = False


@dataclass(frozen=True)
class IdentityCheck:
    """One check with its scores; a score that the check does not give is None."""

    type: str
    txn: str
    issued_at: datetime
    strength: int | None = None
    validity: int | None = None
    verification: int | None = None
    activity: int | None = None
    fraud: int | None = None
    details: tuple[CheckDetail, ...] = ()
    failed: tuple[CheckDetail, ...] = ()
    contra_indicators: tuple[ContraIndicator, ...] = ()
    document_expires: date | None = None


@dataclass(frozen=True)
class Evidence:
    """A document with the strength and validity it was found to have."""

    type: str
    strength: int
    validity: int
    txn: str = ""


@dataclass(frozen=True)
class Scores:
    """What a person reaches over all checks together."""

    activity: int
    fraud: int
    verification: int
    evidence: tuple[Evidence, ...]
    fraud_failed_softly: bool = False
    is_blocked: bool = False


@dataclass(frozen=True)
class Profile:
    """One row of the table: minima of each piece of evidence and of the person."""

    id: str
    level: str
    evidence: tuple[tuple[int, int], ...]
    activity: int
    fraud: int
    verification: int


@dataclass(frozen=True)
class Policy:
    """Which profiles count, the preferred first, and how long old results do."""

    version: str
    accepted: tuple[Profile, ...]
    fraud_check_days: int = 180
    expired_permit_days: int = 180


@cache
def load_profiles() -> tuple[str, dict[str, Profile]]:
    """Return the table's version and its profiles by id, in the table's order."""
    table = json.loads(Path(__file__).with_name("gpg45_profiles.json").read_text(encoding="utf-8"))
    profiles = {
        row["id"]: Profile(
            id=row["id"],
            level=row["level"],
            evidence=tuple((piece["strength"], piece["validity"]) for piece in row["evidence"]),
            activity=row["activity"],
            fraud=row["identity_fraud"],
            verification=row["verification"],
        )
        for row in table["profiles"]
    }
    return str(table["policy_version"]), profiles


def make_policy(
    accepted: Sequence[str], *, fraud_check_days: int = 180, expired_permit_days: int = 180
) -> Policy:
    """Return a policy; its version names the table and the list. Refuses unknown profiles."""
    version, profiles = load_profiles()
    unknown = [name for name in accepted if name not in profiles]
    if unknown:
        raise ValueError(f"no GPG 45 profiles are called {', '.join(unknown)}")
    return Policy(
        version=f"{version}:{','.join(accepted)}",
        accepted=tuple(profiles[name] for name in accepted),
        fraud_check_days=fraud_check_days,
        expired_permit_days=expired_permit_days,
    )


def score(checks: Iterable[IdentityCheck], policy: Policy, now: datetime) -> Scores:
    """Add checks up: the best of each score, each document once, nothing that is out of date."""
    current = [check for check in checks if not _has_expired(check, policy, now)]
    return Scores(
        activity=max((check.activity or 0 for check in current), default=0),
        fraud=max((check.fraud or 0 for check in current), default=0),
        verification=max((_verification_of(check) for check in current), default=0),
        evidence=_evidence_of(current, policy),
        fraud_failed_softly=any(_failed_softly(check) for check in current),
        is_blocked=any(
            not indicator.is_mitigated for check in current for indicator in check.contra_indicators
        ),
    )


def match(scores: Scores, policy: Policy) -> Profile | None:
    """Return the first accepted profile that the scores reach, None when they reach none.

    A profile without a fraud score counts only after a fraud check that failed because no source
    knew the person; an unexplained contra-indicator blocks every profile.
    """
    if scores.is_blocked:
        return None
    for profile in policy.accepted:
        if profile.fraud == 0 and not scores.fraud_failed_softly:
            continue
        if _reaches(scores, profile):
            return profile
    return None


def _reaches(scores: Scores, profile: Profile) -> bool:
    enough = (
        scores.activity >= profile.activity
        and scores.fraud >= profile.fraud
        and scores.verification >= profile.verification
    )
    return enough and any(
        all(
            piece.strength >= strength and piece.validity >= validity
            for piece, (strength, validity) in zip(chosen, profile.evidence, strict=True)
        )
        for chosen in permutations(scores.evidence, len(profile.evidence))
    )


def _verification_of(check: IdentityCheck) -> int:
    if check.verification is not None:
        return check.verification
    levels = (detail.biometric_level for detail in check.details)
    return next((level for level in levels if level is not None), 0)


def _evidence_of(checks: Iterable[IdentityCheck], policy: Policy) -> tuple[Evidence, ...]:
    best: dict[str, Evidence] = {}
    unknown: list[Evidence] = []
    for check in checks:
        if check.strength is None or check.validity is None or _is_out_of_date(check, policy):
            continue
        piece = Evidence(check.type, check.strength, check.validity, check.txn)
        if check.type not in KNOWN_DOCUMENTS:
            unknown.append(piece)
        elif check.type not in best or _rank(piece) > _rank(best[check.type]):
            best[check.type] = piece
    return (*best.values(), *unknown)


def _rank(piece: Evidence) -> tuple[int, int]:
    return piece.strength, piece.validity


def _is_out_of_date(check: IdentityCheck, policy: Policy) -> bool:
    if check.document_expires is None:
        return False
    usable = policy.expired_permit_days if check.type == "driving_permit" else 0
    return london_date(check.issued_at) > check.document_expires + timedelta(days=usable)


def _has_expired(check: IdentityCheck, policy: Policy, now: datetime) -> bool:
    """Tell whether a fraud check is too old, counted from the start of its day in Scotland."""
    if check.fraud is None:
        return False
    ends = london_date(check.issued_at) + timedelta(days=policy.fraud_check_days)
    return london_date(now) >= ends


def _failed_softly(check: IdentityCheck) -> bool:
    failed = {detail.fraud_check for detail in check.failed}
    return bool(failed & _SOFT_FRAUD_FAILURES) or ("mortality_check" in failed and check.fraud == 0)
