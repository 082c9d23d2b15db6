"""What of a request a person agrees to, item by item; pure.

An item is a scope, or ``claim:`` with the name of a single claim that was asked for beside scopes
(OpenID Connect Core, section 5.5).
"""

from collections.abc import Collection, Mapping, Sequence

_CLAIM = "claim:"
_TARGETS = ("userinfo", "id_token")
# Facts about the sign-in or about the answer itself, not about the person.
_NO_CONSENT = frozenset(
    {
        *("sub", "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "sid", "azp"),
        *("auth_time", "acr", "amr", "at_hash", "c_hash", "s_hash", "vot", "vtm"),
        "returnCode",
    }
)
# A claim that is asked for with another, and needs no answer of its own.
_WITH = {"email_verified": "email", "phone_number_verified": "phone_number"}
# Which scope asks for a claim already.
_SCOPES = {
    "email": "email",
    "name": "profile",
    "phone_number": "phone",
    "staff": "staff",
    "wallet_subject_id": "wallet-subject-id",
}


def short_name(claim: str) -> str:
    """Return the last part of a claim's name, which may be an address of a vocabulary."""
    return claim.rstrip("/").rpartition("/")[2]


def claim_items(claims: Mapping[str, object], scopes: Collection[str]) -> tuple[str, ...]:
    """Return the single claims of a request that a person agrees to, in the client's order."""
    named = [
        name
        for target in _TARGETS
        if isinstance(members := claims.get(target), Mapping)
        for name in members
    ]
    asked = dict.fromkeys(_WITH.get(name, name) for name in named)
    return tuple(
        f"{_CLAIM}{name}"
        for name in asked
        if short_name(name) not in _NO_CONSENT and _SCOPES.get(name, "") not in scopes
    )


def claim_of(item: str) -> str:
    """Return the claim that an item names, empty for a scope."""
    return item.removeprefix(_CLAIM) if item.startswith(_CLAIM) else ""


def shares_claim(shared: Collection[str], claim: str) -> bool:
    """Tell whether a person agreed that a single claim is shown, or it needs no agreement."""
    name = _WITH.get(claim, claim)
    return short_name(name) in _NO_CONSENT or f"{_CLAIM}{name}" in shared


def wants_claim(claims: Mapping[str, object], short: str) -> bool:
    """Tell whether a request asks for the claim of this short name at UserInfo."""
    members = claims.get("userinfo")
    return isinstance(members, Mapping) and any(short_name(name) == short for name in members)


def granted_scopes(
    scopes: Sequence[str], details: Collection[str], shared: Collection[str]
) -> tuple[str, ...]:
    """Return the scopes without the details that the person keeps to themselves."""
    return tuple(scope for scope in scopes if scope not in details or scope in shared)
