"""RFC 7523, JWT client authentication: https://www.rfc-editor.org/rfc/rfc7523
Implemented: sections 2.2, 3 and 3.2; single use of `jti`; the variations of existing clients.
Left out: section 2.1, assertions as authorization grants, which no client uses.
By: ourselves on joserfc; the class of Authlib knows too few of the variations.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from identity.oidc.errors import invalid_client
from identity.relying_parties.rules import RelyingParty

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAXIMUM_LENGTH = 16_384
_SKEW_SECONDS = 30
_OLDEST_SECONDS = 600
_LONGEST_ALONE_SECONDS = 3600
_LONGEST_KEPT = timedelta(days=396)  # thirteen months
_FIRST_MILLISECONDS = 1e11  # as seconds this lies in the year 5138
_FOREIGN_KEYS = frozenset({"jwk", "jku", "x5u", "x5c", "crit"})
_CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}


@dataclass(frozen=True)
class AssertionUse:
    """The single use of an assertion, to be written in the statement that acts on it.

    Attributes:
        needs_second_secret: undated or long-lived; counts only beside a code or token (S5).
    """

    client_id: str
    jti_hash: bytes
    keep_until: datetime
    needs_second_secret: bool


@dataclass(frozen=True)
class Unverified:
    """What an assertion says before its signature was looked at."""

    token: str
    header: Mapping[str, object]
    claims: Mapping[str, object]

    @property
    def client_id(self) -> str:
        """The client that the assertion claims to come from."""
        return str(self.claims.get("sub") or "")


def read_assertion(token: str) -> Unverified:
    """Return header and claims of an assertion, nothing of which is to be trusted yet."""
    if len(token) > _MAXIMUM_LENGTH:
        raise invalid_client("The client assertion is too long")
    try:
        parsed = jws.extract_compact(token.encode())
        claims = json.loads(parsed.payload)
        if not isinstance(claims, dict):
            raise TypeError("claims")  # noqa: TRY301 - one answer for every malformed assertion
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise invalid_client("The client assertion is not a signed JWT") from error
    return Unverified(token, parsed.headers(), claims)


def check_assertion(
    assertion: Unverified,
    client: RelyingParty,
    audiences: tuple[str, ...],
    algorithms: tuple[str, ...],
    now: datetime,
) -> AssertionUse:
    """Return the use of a good assertion; refuses every other as ``invalid_client``."""
    _check_signature(assertion, client, algorithms)
    claims = assertion.claims
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        raise invalid_client("iss and sub of the client assertion must be the client id")
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    if not any(one in audiences for one in given):
        raise invalid_client("aud of the client assertion is not this endpoint or issuer")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise invalid_client("The client assertion has no jti")
    keep_until, needs_second = _check_times(claims, now)
    return AssertionUse(client.client_id, sha256(jti.encode()).digest(), keep_until, needs_second)


def _check_signature(
    assertion: Unverified, client: RelyingParty, algorithms: tuple[str, ...]
) -> None:
    algorithm = assertion.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise invalid_client("The client assertion is signed with an algorithm not offered here")
    if _FOREIGN_KEYS & assertion.header.keys():
        raise invalid_client("The header of the client assertion must not bring keys of its own")
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for key in _candidates(assertion.header.get("kid"), algorithm, client):
        try:
            jws.deserialize_compact(assertion.token, key, algorithms=[algorithm], registry=registry)
        except (JoseError, ValueError):
            continue
        return
    raise invalid_client("No registered key of the client made this signature")


def _candidates(kid: object, algorithm: str, client: RelyingParty) -> list[Key]:
    """Return the client's keys to try: those that fit the algorithm and, if given, the kid (S4)."""
    return [
        key
        for key in client.keys
        if _fits(key, algorithm) and (kid is None or kid in (key.kid, key.thumbprint()))
    ]


def _fits(key: Key, algorithm: str) -> bool:
    if isinstance(key, RSAKey):
        return algorithm.startswith(("RS", "PS"))
    return isinstance(key, ECKey) and key.curve_name == _CURVE_OF.get(algorithm)


def _check_times(claims: Mapping[str, object], now: datetime) -> tuple[datetime, bool]:
    """Return until when the jti is kept, and whether the assertion needs a second secret (S5)."""
    instant = now.timestamp()
    expires = _seconds(claims, "exp")
    issued = _seconds(claims, "iat")
    not_before = _seconds(claims, "nbf")
    if expires is None or expires <= instant - _SKEW_SECONDS:
        raise invalid_client("The client assertion has expired or has no exp")
    if not_before is not None and not_before > instant + _SKEW_SECONDS:
        raise invalid_client("The client assertion is not valid yet")
    if issued is None:
        longest = (now + _LONGEST_KEPT).timestamp()
        until = min(expires + _SKEW_SECONDS, longest)
        return datetime.fromtimestamp(until, UTC), True
    if issued > instant + _SKEW_SECONDS:
        raise invalid_client("The client assertion was issued in the future")
    if issued < instant - _OLDEST_SECONDS:
        raise invalid_client("The client assertion was issued more than ten minutes ago")
    keep_until = datetime.fromtimestamp(issued + _OLDEST_SECONDS + _SKEW_SECONDS, UTC)
    return keep_until, expires - issued > _LONGEST_ALONE_SECONDS


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    """Return a time as seconds; thirteen digits are the milliseconds that some clients write."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise invalid_client(f"{name} of the client assertion is not a number")
    return float(value) / 1000 if value >= _FIRST_MILLISECONDS else float(value)
