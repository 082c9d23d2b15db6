"""The shape of a verified attribute, as the claims token (version 2) wants it; pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

GPG45_SCOPE = "scotaccount.gpg45.medium"
ADDRESS_SCOPE = "scotaccount.address"
EMAIL_SCOPE = "scotaccount.email"
# Documents have no scope of ScotAccount's; One Login asks for them as claims.
PASSPORT_SCOPE = "document.passport"
PERMIT_SCOPE = "document.driving_permit"
DOCUMENT_SCOPES = {"passport": PASSPORT_SCOPE, "driving_permit": PERMIT_SCOPE}
SCOPES = (GPG45_SCOPE, ADDRESS_SCOPE, EMAIL_SCOPE, PASSPORT_SCOPE, PERMIT_SCOPE)
# Single facts that may be asked for by name, and the attribute that each is part of.
PARTS = {
    "given_name": GPG45_SCOPE,
    "family_name": GPG45_SCOPE,
    "birthdate": GPG45_SCOPE,
    "address": ADDRESS_SCOPE,
}
FAILED = "VERIFICATION_FAILED"
_VERIFIER = "Clachan"
_SPECIFIC: Mapping[str, Mapping[str, str]] = {
    GPG45_SCOPE: {"assurance_policy": "GPG_45", "confidence_level": "medium"},
    ADDRESS_SCOPE: {"validation_method": "credit_reference_agency"},
    EMAIL_SCOPE: {"validation_method": "email_loop"},
    PASSPORT_SCOPE: {},
    PERMIT_SCOPE: {},
}

Item = dict[str, object]


def make_item(
    scope: str, *, outcome: str, verified_at: datetime, txn: UUID, claims: Mapping[str, object]
) -> Item:
    """Return one item of ``verified_claims``; a failed one carries no claims."""
    item: Item = {
        "scope": scope,
        "verification": {
            "outcome": outcome,
            "trust_framework": "uk_tfida",
            **_SPECIFIC[scope],
            "time": verified_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "verifier": {"organization": _VERIFIER, "txn": str(txn)},
        },
    }
    if outcome != FAILED:
        item["claims"] = dict(claims)
    return item


def outcome_of(item: Mapping[str, object]) -> str:
    """Return the outcome that an item states."""
    verification = item["verification"]
    return str(verification["outcome"]) if isinstance(verification, dict) else FAILED


def claims_of(item: Mapping[str, object]) -> dict[str, object]:
    """Return the claims of an item, empty for a failed one."""
    claims = item.get("claims")
    return dict(claims) if isinstance(claims, dict) else {}


def address_lines(claims: Mapping[str, object]) -> list[str]:
    """Return an address as it is written on a letter."""
    address = claims.get("address")
    if not isinstance(address, dict):
        return []
    street = " ".join(
        str(address[name]) for name in ("buildingNumber", "streetName") if address.get(name)
    )
    names = ("organisationName", "departmentName", "subBuildingName", "buildingName")
    rest = (
        "dependentStreetName",
        "doubleDependentAddressLocality",
        "dependentAddressLocality",
        "addressLocality",
        "postalCode",
    )
    lines = [address.get(name) for name in names] + [street] + [address.get(name) for name in rest]
    return [str(line) for line in lines if line]


def core_address(claims: Mapping[str, object]) -> dict[str, str] | None:
    """Return an address as OpenID Connect Core has it (section 5.1.1), None where none is known."""
    address = claims.get("address")
    if not isinstance(address, dict):
        return None
    lines = address_lines(claims)
    ends = {
        "locality": str(address.get("addressLocality") or ""),
        "postal_code": str(address.get("postalCode") or ""),
    }
    street = [line for line in lines if line not in ends.values()]
    parts = {"formatted": "\n".join(lines), "street_address": "\n".join(street), **ends}
    return {name: part for name, part in parts.items() if part} or None


def time_of(item: Mapping[str, object]) -> datetime:
    """Return when an item was verified."""
    verification = item["verification"]
    if not isinstance(verification, dict):
        raise TypeError("an item of the safe says when it was verified")
    return datetime.fromisoformat(str(verification["time"]))
