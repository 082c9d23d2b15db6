"""The claimsToken of 2022, version 1, for clients that were never changed; pure."""

from collections.abc import Mapping, Sequence

from identity.safe.rules import ADDRESS_SCOPE, FAILED, GPG45_SCOPE, Item, claims_of, outcome_of

_NAME_LENGTHS = {"given_name": 100, "family_name": 40, "birth_date": 10}
_ADDRESS_LENGTHS = {
    "departmentName": 30,
    "subBuildingName": 30,
    "dependentStreetName": 60,
    "streetName": 60,
    "postalCode": 7,
}


def make_version_1(items: Sequence[Item], subject: str) -> dict[str, object]:
    """Return ``verified_claims`` and ``claims`` in the older shape; one outcome for everything.

    Texts that were longer than version 1 allows are cut.
    """
    found = {str(item["scope"]): item for item in items}
    leading = found.get(GPG45_SCOPE) or found.get(ADDRESS_SCOPE)
    if leading is None:
        return {"verified_claims": {}, "claims": {"uuid": subject}}
    verification = leading["verification"]
    if not isinstance(verification, Mapping):
        raise TypeError("an item of the safe carries its verification")
    verifier = verification["verifier"]
    txn = verifier["txn"] if isinstance(verifier, Mapping) else ""
    words = "NOT VERIFIED" if outcome_of(leading) == FAILED else "VERIFIED SUCCESSFULLY"
    return {
        "verified_claims": {
            "verification": {
                "outcome": f"{txn} {words}",
                "trust_framework": verification["trust_framework"],
                "assurance_level": "GPG45-Medium",
                "time": verification["time"],
                "verifier": verifier,
            }
        },
        "claims": {"uuid": subject} | _names(found) | _address(found),
    }


def _names(found: Mapping[str, Item]) -> dict[str, object]:
    claims = claims_of(found[GPG45_SCOPE]) if GPG45_SCOPE in found else {}
    return {
        name: str(claims[name])[:most] for name, most in _NAME_LENGTHS.items() if name in claims
    }


def _address(found: Mapping[str, Item]) -> dict[str, object]:
    claims = claims_of(found[ADDRESS_SCOPE]) if ADDRESS_SCOPE in found else {}
    address = claims.get("address")
    if not isinstance(address, Mapping):
        return {}
    members = dict(address)
    if len(str(members.get("postalCode", ""))) > _ADDRESS_LENGTHS["postalCode"]:
        # Seven letters hold every postcode, only not its blank.
        members["postalCode"] = str(members["postalCode"]).replace(" ", "")
    cut = {
        name: str(value)[: _ADDRESS_LENGTHS.get(name, len(str(value)))]
        for name, value in members.items()
    }
    return {"address": cut}
