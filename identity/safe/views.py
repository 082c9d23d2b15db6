"""Attributes in the words a person reads; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from identity.accounts.queries import Profile
from identity.oidc.consent import claim_of, short_name
from identity.safe.rules import (
    ADDRESS_SCOPE,
    EMAIL_SCOPE,
    GPG45_SCOPE,
    PARTS,
    PASSPORT_SCOPE,
    PERMIT_SCOPE,
    address_lines,
    claims_of,
)

# Which saved attribute a claim of One Login's shows.
CLAIM_ITEMS = {
    "coreIdentityJWT": GPG45_SCOPE,
    "address": ADDRESS_SCOPE,
    "passport": PASSPORT_SCOPE,
    "drivingPermit": PERMIT_SCOPE,
}


def key_of(item: str) -> str:
    """Return how an item of consent is called in pages: a scope, or the short name of a claim."""
    claim = claim_of(item)
    return short_name(claim) if claim else item


@dataclass(frozen=True)
class Shown:
    """One thing that could be shared, with its present content line by line."""

    scope: str
    lines: tuple[str, ...]
    is_confirmed: bool


def show_item(scope: str, item: Mapping[str, object] | None) -> Shown:
    """Return a verified attribute as lines; none for one that is missing or failed."""
    claims = claims_of(item) if item is not None else {}
    lines: list[str] = []
    if scope in PARTS and claims:
        lines = _part_lines(scope, claims)
    elif scope == GPG45_SCOPE and claims:
        born = date.fromisoformat(str(claims["birth_date"]))
        lines = [f"{claims['given_name']} {claims['family_name']}", f"{born:%-d %B %Y}"]
    elif scope == ADDRESS_SCOPE:
        lines = address_lines(claims)
    elif scope == EMAIL_SCOPE and claims:
        lines = [str(claims["email"])]
    elif scope in (PASSPORT_SCOPE, PERMIT_SCOPE) and claims:
        number = claims.get("documentNumber") or claims.get("personalNumber") or ""
        lines = [str(number), str(claims.get("expiryDate", ""))]
    # A single fact is told or it is not; only a whole attribute can be told as failed.
    shown = tuple(line for line in lines if line)
    return Shown(scope, shown, bool(claims) or scope in PARTS)


def _part_lines(scope: str, claims: Mapping[str, object]) -> list[str]:
    """Return one fact of an attribute as lines."""
    if scope == "address":
        return address_lines(claims)
    if scope == "birthdate":
        return [f"{date.fromisoformat(str(claims['birth_date'])):%-d %B %Y}"]
    return [str(claims[scope])]


def show_detail(scope: str, profile: Profile, staff: Sequence[Mapping[str, object]]) -> Shown:
    """Return a plain detail of the account as lines."""
    lines: list[str] = []
    if scope == "email":
        lines = [profile.email]
    elif scope in ("profile", "name") and profile.display_name:
        lines = [profile.display_name]
    elif scope == "staff":
        lines = [
            f"{place['organisation']}: {', '.join(map(str, roles))}"
            for place in staff
            if isinstance(roles := place["roles"], list)
        ]
    return Shown(scope, tuple(lines), is_confirmed=True)
