"""Signatures that clients make with their registered keys: assertions and request objects."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from identity.relying_parties.rules import RelyingParty

MAXIMUM_LENGTH = 16_384
_FOREIGN_KEYS = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})
_CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}


@dataclass(frozen=True)
class Unverified:
    """What a token says before its signature was looked at."""

    token: str
    header: Mapping[str, object]
    claims: Mapping[str, object]


def read_unverified(token: str) -> Unverified:
    """Return header and claims of a signed token, nothing of which is to be trusted yet.

    Raises:
        ValueError: too long, or not a signed JWT.
    """
    if len(token) > MAXIMUM_LENGTH:
        raise ValueError("is too long")
    try:
        parsed = jws.extract_compact(token.encode())
        claims = json.loads(parsed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise ValueError("is not a signed JWT") from error
    if not isinstance(claims, dict):
        raise ValueError("is not a signed JWT")  # noqa: TRY004 - one answer for all malformed ones
    return Unverified(token, parsed.headers(), claims)


def check_signature(
    unverified: Unverified, client: RelyingParty, algorithms: tuple[str, ...]
) -> None:
    """Refuse what no registered key of the client signed, or with an algorithm not offered.

    Raises:
        ValueError: says which of both, or that the header brings keys of its own.
    """
    algorithm = unverified.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm == "none":
        raise ValueError("is signed with an algorithm not offered here")
    if _FOREIGN_KEYS & unverified.header.keys():
        raise ValueError("must not bring keys of its own in its header")
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in _candidates(unverified.header.get("kid"), algorithm, client):
        try:
            jws.deserialize_compact(
                unverified.token, key, algorithms=[algorithm], registry=registry
            )
        except (JoseError, ValueError):
            continue
        return
    raise ValueError("was not signed with a registered key of the client")


def _candidates(kid: object, algorithm: str, client: RelyingParty) -> list[Key]:
    """Return the client's keys to try: those that fit the algorithm and, if given, the kid (S4)."""
    return [
        key
        for key in client.keys
        if fits(key, algorithm)
        and key.get("use") != "enc"
        and (kid is None or kid in (key.kid, key.thumbprint()))
    ]


def fits(key: Key, algorithm: str) -> bool:
    """Tell whether a key can have made a signature of this algorithm."""
    if isinstance(key, RSAKey):
        return algorithm.startswith(("RS", "PS"))
    if isinstance(key, OKPKey):
        return algorithm == "EdDSA" and key.curve_name == "Ed25519"
    return isinstance(key, ECKey) and key.curve_name == _CURVE_OF.get(algorithm)
