"""What limits, bands and delegated authorities ask of a run (payments contract 9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.money import format_pounds

Measure = Literal["payment", "run", "day", "two_days"]
Kind = Literal["limit", "band", "authority", "end"]
MEASURES: dict[Measure, str] = {
    "payment": "one payment",
    "run": "one run and its file",
    "day": "one processing day of an account",
    "two_days": "two processing days in a row of an account",
}
RAILS: dict[str, str] = {
    "bacs": "Bacs",
    "faster_payments": "Faster Payments",
    "chaps": "CHAPS",
    "payment_order": "Payment order",
}


@dataclass(frozen=True)
class Scope:
    """What a rule is about; none means every programme, or every rail."""

    programme_id: UUID | None = None
    rail: str | None = None

    def covers(self, programme_id: UUID, rail: str) -> bool:
        """Tell whether a run of this programme and rail is within the scope."""
        return self.programme_id in (None, programme_id) and self.rail in (None, rail)


@dataclass(frozen=True)
class Limit:
    """The most that may be paid, in pence."""

    scope: Scope
    measure: Measure
    pence: int


@dataclass(frozen=True)
class Band:
    """What a run needs whose total is over some pence."""

    scope: Scope
    over_pence: int
    approvals: int
    step_up: bool


@dataclass(frozen=True)
class Authority:
    """How much a person may approve, for what, and when, both days included."""

    scope: Scope
    person_id: str
    pence: int
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class Rules:
    """The rules of a body that are live."""

    limits: Sequence[Limit] = ()
    bands: Sequence[Band] = ()
    authorities: Sequence[Authority] = ()


@dataclass(frozen=True)
class Subject:
    """A run as rules see it."""

    programme_id: UUID
    rail: str
    total_pence: int


@dataclass(frozen=True)
class Demand:
    """How many people have to approve a run, whether freshly signed in, and why."""

    approvals: int
    step_up: bool
    over_pence: int | None = None

    @property
    def reason(self) -> str:
        """Say which band asks for it, empty where the programme's own rule does."""
        if self.over_pence is None:
            return ""
        return f"the total is over {format_pounds(self.over_pence)}"


def demand_of(rules: Rules, run: Subject, programme_approvals: int) -> Demand:
    """Return what the bands ask for; the most demanding counts, never less than the programme."""
    found = Demand(programme_approvals, step_up=False)
    for band in sorted(rules.bands, key=lambda band: band.over_pence):
        if not band.scope.covers(run.programme_id, run.rail) or run.total_pence <= band.over_pence:
            continue
        more = band.approvals > found.approvals or (band.step_up and not found.step_up)
        found = Demand(
            max(found.approvals, band.approvals),
            found.step_up or band.step_up,
            band.over_pence if more else found.over_pence,
        )
    return found


def find_limit(rules: Rules, run: Subject, measure: Measure) -> int | None:
    """Return the lowest limit of a measure that covers a run, None when there is none."""
    return min(
        (
            limit.pence
            for limit in rules.limits
            if limit.measure == measure and limit.scope.covers(run.programme_id, run.rail)
        ),
        default=None,
    )


def highest_authority(rules: Rules, run: Subject, person_id: str, day: date) -> int | None:
    """Return up to how many pence a person may approve a run like this on a day.

    None where the body keeps no register of authorities; zero for a person who is not in it.
    """
    if not rules.authorities:
        return None
    return max(
        (
            one.pence
            for one in rules.authorities
            if one.person_id == person_id
            and one.valid_from <= day <= one.valid_until
            and one.scope.covers(run.programme_id, run.rail)
        ),
        default=0,
    )


@dataclass(frozen=True)
class SignIn:
    """How and when a person signed in, as the identity service says."""

    at: datetime | None
    level: str
    methods: frozenset[str]


_STRONG_LEVELS = ("medium", "high", "very_high")
_SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk"})


def is_stepped_up(sign_in: SignIn | None, now: datetime, within: timedelta) -> bool:
    """Tell whether a person signed in so lately, and with two factors or a strong level."""
    if sign_in is None or sign_in.at is None or now - sign_in.at > within:
        return False
    level = sign_in.level.rpartition(":")[2]
    return level in _STRONG_LEVELS or not sign_in.methods.isdisjoint(_SECOND_FACTORS)
