"""RFC 9101, JWT-Secured Authorization Request: https://www.rfc-editor.org/rfc/rfc9101
Implemented: sections 4 to 6 and 10.8: `request`, `request_uri` by https; at PAR as well.
Left out: encrypted objects; PAR keeps a request from everybody but its client and us.
By: ourselves on joserfc; beside it section 6 of OpenID Connect Core, which merges parameters.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime

from identity.oidc.client_signatures import Unverified, check_signature, read_unverified
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty

_TYPES = (None, "JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt")
_SKEW_SECONDS = 30
_LONGEST_SECONDS = 3_600
# About the token itself; everything else is a parameter of the request.
_OWN_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


def read_request_object(call: Call, client: RelyingParty, token: str) -> Parameters:
    """Return the parameters that a client signed.

    Raises:
        ProtocolError: ``invalid_request_object``, or ``request_not_supported`` for an unsigned one.
    """
    try:
        unverified = read_unverified(token)
    except ValueError as error:
        raise _invalid(f"The request object {error}") from error
    if unverified.header.get("typ") not in _TYPES:
        raise _invalid("typ of the request object is that of another token")
    _check_signed(call, client, unverified)
    claims = unverified.claims
    _check_parties(call, client, claims)
    _check_times(claims, call.now, dated=call.profile.dated_requests)
    if {"request", "request_uri"} & claims.keys():
        raise _invalid("A request object cannot hold another one")
    inside = Parameters.of(_pairs(claims))
    if not inside.is_text():
        raise _invalid("The request object has a letter that no text may hold")
    return inside


def _check_signed(call: Call, client: RelyingParty, unverified: Unverified) -> None:
    registered = client.options.request_object_signing_alg
    profile = call.profile
    if unverified.header.get("alg") == "none":
        if profile.unsigned_requests and registered == "none":
            return
        if profile.unsigned_requests:
            raise ProtocolError("request_not_supported", "Request objects must be signed")
        raise _invalid("The request object is not signed")
    offered = profile.request_object_algorithms
    try:
        check_signature(
            unverified, client, tuple(one for one in offered if registered in (None, one))
        )
    except ValueError as error:
        raise _invalid(f"The request object {error}") from error


def _check_parties(call: Call, client: RelyingParty, claims: Mapping[str, object]) -> None:
    if claims.get("client_id", client.client_id) != client.client_id:
        raise _invalid("client_id of the request object is that of another client")
    if claims.get("iss", client.client_id) != client.client_id:
        raise _invalid("iss of the request object is not the client")
    if claims.get("sub") == client.client_id:
        # Such an object would pass as a client assertion (section 10.8).
        raise _invalid("A request object must not have the client as its sub")
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    if audience is None and not call.profile.dated_requests:
        return
    named = (call.issuer.url, f"{call.issuer.base}/authorize")
    if not set(named if call.profile.vectors_of_trust else named[:1]) & set(map(str, given)):
        raise _invalid("aud of the request object is not this issuer")


def _check_times(claims: Mapping[str, object], now: datetime, *, dated: bool) -> None:
    instant = now.timestamp()
    expires, not_before = _seconds(claims, "exp"), _seconds(claims, "nbf")
    if expires is not None and expires <= instant - _SKEW_SECONDS:
        raise _invalid("The request object has expired")
    if not_before is not None and not_before > instant + _SKEW_SECONDS:
        raise _invalid("The request object is not valid yet")
    if not dated:
        return
    if expires is None or not_before is None:
        raise _invalid("The request object needs exp and nbf")
    if expires - not_before > _LONGEST_SECONDS or not_before < instant - _LONGEST_SECONDS:
        raise _invalid("The request object lives longer than an hour, or is older than that")


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _invalid(f"{name} of the request object is not a number")
    return float(value)


def _pairs(claims: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Give the claims as parameters: objects and lists of objects as JSON, numbers as digits."""
    for name, value in claims.items():
        if name in _OWN_CLAIMS or value is None:
            continue
        if isinstance(value, str):
            yield name, value
        elif name == "vtr" and isinstance(value, list):
            # A list of vectors is one value (RFC 8485, section 4.1).
            yield name, json.dumps(value)
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            yield from ((name, one) for one in value)
        elif isinstance(value, bool | int | list | dict):
            yield name, json.dumps(value)
        else:
            raise _invalid(f"{name} of the request object has a wrong type")


def _invalid(description: str) -> ProtocolError:
    return ProtocolError("invalid_request_object", description)
