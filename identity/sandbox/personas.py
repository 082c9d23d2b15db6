"""Fictitious people and what happens when they sign in; data, and what a check finds about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from identity.verification.gpg45 import CheckDetail, ContraIndicator, IdentityCheck
from identity.verification.provider import CheckResult, Claimed

_ADDRESS: Mapping[str, str] = {
    "uprn": "906000000001",
    "buildingNumber": "12",
    "streetName": "Invented Street",
    "addressLocality": "Strathclachan",
    "postalCode": "EH1 1AA",
}


@dataclass(frozen=True)
class Persona:
    """Somebody who does not exist.

    Attributes:
        finding: which checks are made of them and with what result, a name in ``_FINDINGS``;
            empty when nothing is known about them at all.
        declines: what they do not share: short names of scopes or claims, or ``*`` for everything;
            None leaves the answer to whoever signs in.
        refusal: the error with which they leave, and its text.
        wait: how long their check takes; None means until the API ends it.
        is_down: while they wait, the checking company does not answer.
        dead_end: the page on which they get no further: ``expired`` or ``locked``.
    """

    id: str
    title: str
    hint: str
    given_name: str = "Ann Màiri"
    family_name: str = "Fictional"
    born: str = "1980-02-01"
    address: Mapping[str, str] | None = field(default_factory=lambda: _ADDRESS)
    finding: str = "good"
    declines: tuple[str, ...] | None = None
    refusal: tuple[str, str] | None = None
    wait: timedelta | None = timedelta(0)
    is_down: bool = False
    dead_end: str = ""

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.given_name} {self.family_name}"


_ALL_DETAILS = ("scotaccount.gpg45.medium", "scotaccount.address", "coreIdentityJWT", "address")

PERSONAS: Mapping[str, Persona] = {
    one.id: one
    for one in (
        Persona("verified", "Everything matches", "The identity is confirmed"),
        Persona(
            "verified_with_warnings",
            "Matches, but hardly any records exist",
            "Confirmed with warnings",
            given_name="Calum",
            family_name="Sketchy",
            finding="thin",
        ),
        Persona(
            "failed",
            "Nothing confirms the identity",
            "The check fails",
            given_name="Una",
            family_name="Unproven",
            finding="weak",
        ),
        Persona(
            "nothing_to_share",
            "Nothing is known about the person",
            "The service gets a code; the attributes endpoint answers 404",
            given_name="Nora",
            family_name="Nobody",
            finding="",
        ),
        Persona(
            "address_declined",
            "Shares everything but the address",
            "The address is not in the answer",
            declines=("scotaccount.address", "address"),
        ),
        Persona(
            "all_declined",
            "Shares nothing",
            "The service gets a code and an empty list",
            declines=("*",),
        ),
        Persona(
            "email_only",
            "Shares the email address only",
            "Neither name nor address are in the answer",
            declines=(*_ALL_DETAILS, "passport", "drivingPermit", "profile", "phone"),
        ),
        Persona(
            "no_fixed_address",
            "Lives at no address",
            "The identity is confirmed, the address is not",
            given_name="Robbie",
            family_name="Rover",
            address=None,
        ),
        Persona(
            "two_family_names",
            "Two family names, letters beyond the alphabet",
            "Names as they stand in the passport: García-Ó Súilleabháin Ωmega",
            given_name="María José",
            family_name="García-Ó Súilleabháin Ωmega",
        ),
        Persona(
            "under_16",
            "Fourteen years old",
            "Too young for a check: it fails",
            given_name="Wee",
            family_name="Fictional",
            born="under_16",
            finding="none",
        ),
        Persona(
            "deceased",
            "The records say that the person has died",
            "The check fails",
            given_name="Hamish",
            family_name="Departed",
            born="1931-05-06",
            finding="deceased",
        ),
        Persona(
            "fraud_indicator",
            "A sign of fraud that nobody explained",
            "The check fails",
            given_name="Fergus",
            family_name="Dubious",
            finding="fraud",
        ),
        Persona(
            "fraud_indicator_mitigated",
            "A sign of fraud that was explained",
            "The identity is confirmed",
            given_name="Fiona",
            family_name="Explained",
            finding="mitigated",
        ),
        Persona(
            "document_expired",
            "The passport expired years ago",
            "The check fails",
            finding="expired",
        ),
        Persona(
            "selfie_mismatch",
            "The face does not match the passport",
            "The check fails",
            finding="face",
        ),
        Persona(
            "kbv_failed",
            "Wrong answers to questions only the person could know",
            "The check fails",
            finding="kbv",
        ),
        Persona(
            "provider_down",
            "The checking company does not answer for half a minute",
            "Then the identity is confirmed",
            wait=timedelta(seconds=30),
            is_down=True,
        ),
        Persona(
            "provider_slow_minutes",
            "The check takes two minutes",
            "Then the identity is confirmed",
            wait=timedelta(minutes=2),
        ),
        Persona(
            "provider_slow_days",
            "The check takes three days",
            "Then the identity is confirmed; the API can let the time pass",
            wait=timedelta(days=3),
        ),
        Persona(
            "manual_review_pending",
            "A person looks at the check",
            "It stays open until the API ends it",
            wait=None,
        ),
        Persona(
            "flow_expired",
            "Comes back after the seven days are over",
            "A page says so; the service hears nothing",
            dead_end="expired",
        ),
        Persona(
            "cancel_at_sign_up",
            "Leaves while creating the account",
            "account_selection_required",
            refusal=("account_selection_required", "Account sign-up was cancelled"),
        ),
        Persona(
            "refuse_consent",
            "Leaves when asked to share",
            "access_denied",
            refusal=("access_denied", "The person cancelled"),
        ),
        Persona(
            "locked_account",
            "Signing in is paused after wrong passwords",
            "A page says so; going back gives access_denied",
            dead_end="locked",
        ),
    )
}


def birth_date_of(persona: Persona, today: date) -> date:
    """Return when a persona was born; who is fourteen stays fourteen."""
    if persona.born == "under_16":
        return date(today.year - 14, 1, 1)
    return date.fromisoformat(persona.born)


def claimed_of(persona: Persona, today: date) -> Claimed:
    """Return who a persona says they are."""
    return Claimed(
        persona.given_name,
        persona.family_name,
        birth_date_of(persona, today),
        ("12 Invented Street", "Strathclachan"),
        "EH1 1AA",
        "passport",
    )


def result_of(persona: Persona, now: datetime, today: date) -> CheckResult | None:
    """Return what a check finds about a persona, None when nothing is known."""
    if not persona.finding:
        return None
    expired = persona.finding == "expired"
    ends = today + timedelta(days=-900 if expired else 1500)
    return CheckResult(
        reference=f"sandbox:{persona.id}",
        given_name=persona.given_name,
        family_name=persona.family_name,
        birth_date=birth_date_of(persona, today),
        address=persona.address,
        checks=_FINDINGS[persona.finding](now, ends),
        documents={
            "passport": {
                "documentNumber": "000000001",
                "icaoIssuerCode": "GBR",
                "expiryDate": ends.isoformat(),
            }
        },
    )


def declined_items(persona: Persona, keys: Mapping[str, str]) -> frozenset[str]:
    """Return which items of consent a persona keeps back; ``keys`` names each item shortly."""
    declines = persona.declines or ()
    return frozenset(item for item, key in keys.items() if "*" in declines or key in declines)


Checks = tuple[IdentityCheck, ...]


def _good(now: datetime, ends: date) -> Checks:
    face = CheckDetail(check_method="bvr", biometric_level=2)
    return (
        IdentityCheck(
            "passport",
            "sandbox-passport",
            now,
            strength=3,
            validity=2,
            verification=2,
            details=(CheckDetail(check_method="vri"), face),
            document_expires=ends,
        ),
        IdentityCheck("address", "sandbox-address", now, activity=1),
        IdentityCheck("fraud", "sandbox-fraud", now, fraud=2),
    )


def _thin(now: datetime, ends: date) -> Checks:
    passport, address, fraud = _good(now, ends)
    source = CheckDetail(check_method="data", fraud_check="applicable_authoritative_source")
    return (
        replace(passport, validity=3, verification=3),
        replace(address, activity=0),
        replace(fraud, fraud=0, failed=(source,)),
    )


def _face(now: datetime, ends: date) -> Checks:
    passport, *others = _good(now, ends)
    mismatch = CheckDetail(check_method="bvr")
    return (replace(passport, verification=0, details=(), failed=(mismatch,)), *others)


def _kbv(now: datetime, ends: date) -> Checks:
    passport, *others = _good(now, ends)
    wrong = CheckDetail(check_method="kbv")
    return (replace(passport, verification=0, details=(), failed=(wrong,)), *others)


def _expired(now: datetime, ends: date) -> Checks:
    passport, *others = _good(now, ends)
    return (replace(passport, validity=0), *others)


def _weak(now: datetime, ends: date) -> Checks:
    passport, address, fraud = _good(now, ends)
    return (
        replace(passport, strength=1, validity=1, verification=1),
        replace(address, activity=0),
        fraud,
    )


def _indicated(*, is_mitigated: bool) -> Callable[[datetime, date], Checks]:
    def make(now: datetime, ends: date) -> Checks:
        *others, fraud = _good(now, ends)
        sign = ContraIndicator("V03", is_mitigated=is_mitigated)
        return (*others, replace(fraud, contra_indicators=(sign,)))

    return make


def _deceased(now: datetime, ends: date) -> Checks:
    *others, fraud = _good(now, ends)
    died = CheckDetail(check_method="data", fraud_check="mortality_check")
    sign = ContraIndicator("D02")
    return (*others, replace(fraud, fraud=0, failed=(died,), contra_indicators=(sign,)))


def _none(_now: datetime, _ends: date) -> Checks:
    return ()


_FINDINGS: Mapping[str, Callable[[datetime, date], Checks]] = {
    "good": _good,
    "thin": _thin,
    "weak": _weak,
    "face": _face,
    "kbv": _kbv,
    "expired": _expired,
    "fraud": _indicated(is_mitigated=False),
    "mitigated": _indicated(is_mitigated=True),
    "deceased": _deceased,
    "none": _none,
}
