"""Mistakes that a sandbox client orders, to see that its own code finds them; pure.

A fault is written ``<what>.<mistake>``. Nothing here is reached without one, and only flows of
sandbox clients can carry any.
"""

import secrets
from collections.abc import Collection, Mapping

from joserfc import jwt

from identity.keys.keyring import KeyRing

_SIGNED = ("wrong_signature", "unknown_kid", "expired", "wrong_aud", "wrong_iss", "wrong_sub")
_REFUSED_AUTHORIZE = (
    *("access_denied", "server_error", "temporarily_unavailable", "login_required"),
    *("invalid_request", "unauthorized_client"),
)
_MISSING = ("sub", "nonce", "exp", "iat", "aud", "iss", "sid")
FAULTS: Mapping[str, str] = {
    **{f"id_token.{one}": f"The ID token has the fault {one}" for one in _SIGNED},
    "id_token.wrong_nonce": "The ID token carries another nonce",
    "id_token.rotated_key": "The ID token is signed with the next key, published after the first",
    **{f"id_token.missing_{one}": f"The ID token lacks {one}" for one in _MISSING},
    "claims_token.wrong_signature": "The claimsToken's signature is wrong",
    "claims_token.unknown_kid": "The claimsToken names a key that is not published",
    "claims_token.wrong_sub": "The claimsToken is about somebody else",
    "claims_token.wrong_iss": "The claimsToken comes from somebody else",
    "claims_token.rotated_key": "The claimsToken is signed with the next key",
    "identity.wrong_signature": "The signature of coreIdentityJWT is wrong",
    "identity.unknown_kid": "coreIdentityJWT names a key that is not in the DID document",
    **{
        f"authorize.{one}": f"The authorization answer is the error {one}"
        for one in _REFUSED_AUTHORIZE
    },
    "token.invalid_grant": "The token endpoint refuses the code",
    "token.invalid_client": "The token endpoint refuses the client",
    "token.server_error": "The token endpoint fails with HTTP 500",
    "userinfo.invalid_token": "UserInfo and the attributes endpoint refuse the access token",
    "userinfo.server_error": "UserInfo and the attributes endpoint fail with HTTP 500",
    "logout.delayed": "Back-channel logout comes two minutes late",
}
_YEAR_SECONDS = 31_536_000


def find_error(faults: Collection[str], what: str) -> str | None:
    """Return the error code that an endpoint was ordered to answer with."""
    return next((one.partition(".")[2] for one in faults if one.startswith(f"{what}.")), None)


def sign_with_faults(
    keys: KeyRing, algorithm: str, claims: Mapping[str, object], faults: Collection[str], what: str
) -> str:
    """Return a signed token with the mistakes that were ordered for this kind of token."""
    wanted = {one.partition(".")[2] for one in faults if one.startswith(f"{what}.")}
    if not wanted:
        return keys.sign(algorithm, claims)
    spoiled = _spoil_claims(dict(claims), wanted)
    signer = keys.signer(algorithm)
    if "rotated_key" in wanted:
        signer = next(
            (one for one in keys.keys if one.algorithm == algorithm and one.state == "next"), signer
        )
    if signer.private is None:
        raise LookupError(f"the {algorithm} key has no private part")
    token = jwt.encode(
        {"alg": algorithm, "kid": "kid-of-nobody" if "unknown_kid" in wanted else signer.kid},
        spoiled,
        signer.private,
        algorithms=[algorithm],
        default_type=None,
    )
    return _spoil_signature(token) if "wrong_signature" in wanted else token


def spoil_token(token: str, faults: Collection[str], what: str) -> str:
    """Return a signed token with a wrong signature, where that was ordered."""
    return _spoil_signature(token) if f"{what}.wrong_signature" in faults else token


def spoil_kid(kid: str, faults: Collection[str], what: str) -> str:
    """Return the name of a key, that of no key where that was ordered."""
    return f"{kid}-of-nobody" if f"{what}.unknown_kid" in faults else kid


def _spoil_claims(claims: dict[str, object], wanted: Collection[str]) -> dict[str, object]:
    for name in _MISSING:
        if f"missing_{name}" in wanted:
            claims.pop(name, None)
    for name in ("nonce", "aud", "iss", "sub"):
        if f"wrong_{name}" in wanted:
            claims[name] = f"wrong-{name}-{secrets.token_hex(4)}"
    if "expired" in wanted:
        claims |= {
            name: value - _YEAR_SECONDS
            for name in ("iat", "exp", "auth_time")
            if isinstance(value := claims.get(name), int)
        }
    return claims


def _spoil_signature(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' * len(signature)}"
