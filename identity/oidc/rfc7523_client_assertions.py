"""RFC 7523, JWT client authentication: https://www.rfc-editor.org/rfc/rfc7523
Implemented: sections 2.2, 3 and 3.2; single use of `jti`; the variations of existing clients.
Left out: section 2.1, assertions as authorization grants, which no client uses.
By: ourselves on joserfc; the class of Authlib knows too few of the variations.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from identity.oidc.client_signatures import Unverified, check_signature, read_unverified
from identity.oidc.errors import invalid_client
from identity.relying_parties.rules import RelyingParty

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW_SECONDS = 30
_OLDEST_SECONDS = 600
_LONGEST_ALONE_SECONDS = 3600
_LONGEST_KEPT = timedelta(days=396)  # thirteen months
_FIRST_MILLISECONDS = 1e11  # as seconds this lies in the year 5138


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


def read_assertion(token: str) -> Unverified:
    """Return header and claims of an assertion, nothing of which is to be trusted yet."""
    try:
        return read_unverified(token)
    except ValueError as error:
        raise invalid_client(f"The client assertion {error}") from error


def claimed_client(assertion: Unverified) -> str:
    """Return the client that an assertion claims to come from."""
    return str(assertion.claims.get("sub") or "")


def check_assertion(
    assertion: Unverified,
    client: RelyingParty,
    audiences: tuple[str, ...],
    algorithms: tuple[str, ...],
    now: datetime,
    *,
    exact: bool = False,
) -> AssertionUse:
    """Return the use of a good assertion; refuses every other as ``invalid_client``.

    With ``exact`` it is addressed to the first of the audiences, written as one string.
    """
    registered = client.options.token_endpoint_auth_signing_alg
    try:
        check_signature(assertion, client, _narrowed(algorithms, registered))
    except ValueError as error:
        raise invalid_client(f"The client assertion {error}") from error
    claims = assertion.claims
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        raise invalid_client("iss and sub of the client assertion must be the client id")
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    good = audience == audiences[0] if exact else any(one in audiences for one in given)
    if not good:
        raise invalid_client("aud of the client assertion is not this endpoint or issuer")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise invalid_client("The client assertion has no jti")
    keep_until, needs_second = _check_times(claims, now)
    return AssertionUse(client.client_id, sha256(jti.encode()).digest(), keep_until, needs_second)


def _narrowed(offered: tuple[str, ...], registered: str | None) -> tuple[str, ...]:
    """Return the one algorithm that a client registered, where it did, or those offered."""
    return tuple(one for one in offered if registered in (None, one))


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
