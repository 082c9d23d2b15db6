"""The people one can be in front of the simulated camera, and what is then found."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from identity.verification.simulator.store import Check

_LONG_VALID = timedelta(days=1500)
_LONG_EXPIRED = timedelta(days=900)
_DOCUMENTS = {
    "passport": {"documentNumber": "000000001", "icaoIssuerCode": "GBR"},
    "driving_permit": {
        "personalNumber": "FICTI802010AB9ZZ",
        "issueNumber": "01",
        "issuedBy": "DVLA",
    },
}


@dataclass(frozen=True)
class Persona:
    """One choice on the capture page."""

    id: str
    title: str
    hint: str


PERSONAS = (
    Persona("verified", "Everything matches", "The identity is confirmed"),
    Persona(
        "verified_with_warnings",
        "Matches, but hardly any records exist",
        "Confirmed with warnings: no official source knew the person",
    ),
    Persona("selfie_mismatch", "The face does not match the document", "Not confirmed"),
    Persona("document_expired", "The document expired years ago", "Not confirmed"),
    Persona("slow", "The check takes 20 seconds", "Then the identity is confirmed"),
    Persona(
        "provider_down",
        "The company's computers are down for half a minute",
        "Then the identity is confirmed",
    ),
)


def find_result(check: Check) -> dict[str, object]:
    """Return what the check found: person, address and identity checks."""
    today = datetime.now(UTC).date()
    person = check.person
    found_address = check.persona not in ("selfie_mismatch", "document_expired")
    return {
        "person": {name: person[name] for name in ("givenName", "familyName", "birthDate")},
        "address": _address(person) if found_address else None,
        "identityChecks": [
            _document_check(check, today),
            _address_check(check),
            _fraud_check(check),
        ],
    }


def _document_check(check: Check, today: date) -> dict[str, object]:
    is_expired = check.persona == "document_expired"
    is_mismatch = check.persona == "selfie_mismatch"
    is_thin = check.persona == "verified_with_warnings"
    # Few records are made up for by reading the chip, which raises validity and the face's match.
    score = 3 if is_thin else 2
    face = {"checkMethod": "bvr", "biometricVerificationProcessLevel": score}
    document = {"checkMethod": "vcrypt" if is_thin else "vri"}
    expires = today - _LONG_EXPIRED if is_expired else today + _LONG_VALID
    return {
        "type": check.document,
        "txn": secrets.token_hex(12),
        "strengthScore": 3,
        "validityScore": 0 if is_expired else score,
        "verificationScore": 0 if is_mismatch else score,
        "checkDetails": [document] if is_mismatch else [document, face],
        "failedCheckDetails": [{"checkMethod": "bvr"}] if is_mismatch else [],
        "documentExpires": expires.isoformat(),
        "document": _DOCUMENTS[check.document],
    }


def _address_check(check: Check) -> dict[str, object]:
    is_thin = check.persona == "verified_with_warnings"
    return {
        "type": "address",
        "txn": secrets.token_hex(12),
        "activityHistoryScore": 0 if is_thin else 1,
        "checkDetails": [{"checkMethod": "data", "dataCheck": "record_check"}],
    }


def _fraud_check(check: Check) -> dict[str, object]:
    kinds = ("mortality_check", "identity_theft_check", "synthetic_identity_check")
    details = [{"checkMethod": "data", "fraudCheck": kind} for kind in kinds]
    source = {"checkMethod": "data", "fraudCheck": "applicable_authoritative_source"}
    is_thin = check.persona == "verified_with_warnings"
    return {
        "type": "fraud",
        "txn": secrets.token_hex(12),
        "identityFraudScore": 0 if is_thin else 2,
        "checkDetails": details if is_thin else [*details, source],
        "failedCheckDetails": [source] if is_thin else [],
    }


def _address(person: dict[str, object]) -> dict[str, str]:
    lines = person.get("addressLines")
    parts = [str(line) for line in lines] if isinstance(lines, list) else []
    first, town = (parts[0], parts[-1]) if parts else ("", "")
    found = re.fullmatch(r"(\d{1,4}) (.+)", first)
    named = re.fullmatch(r"(\d+\S*) (.+)", first)
    address = {"addressLocality": town[:30], "postalCode": str(person.get("postcode", ""))[:8]}
    if found:
        address |= {"buildingNumber": found[1], "streetName": found[2][:80]}
    elif named:
        address |= {"buildingName": named[1][:50], "streetName": named[2][:80]}
    else:
        address |= {"buildingName": first[:50]}
    if len(parts) > 2:  # noqa: PLR2004 - first line, flat or building, town
        address["subBuildingName"] = parts[1][:60]
    return {name: value for name, value in address.items() if value}
