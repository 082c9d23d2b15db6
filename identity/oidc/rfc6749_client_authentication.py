"""RFC 6749, client authentication: https://www.rfc-editor.org/rfc/rfc6749#section-2.3
Implemented: section 2.3 with client_secret_basic, client_secret_post, private_key_jwt, TLS, none.
Left out: client_secret_jwt, for which secrets would have to be stored.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import unquote_plus

from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc7523_client_assertions import (
    TYPE,
    AssertionUse,
    check_assertion,
    claimed_client,
    read_assertion,
)
from identity.oidc.rfc8705_mutual_tls import CERTIFICATE_METHODS, check_client_certificate
from identity.relying_parties.rules import RelyingParty
from shared.crypto import hash_token


@dataclass(frozen=True)
class Authenticated:
    """A client that proved who it is; ``use`` is to be spent where an assertion proved it."""

    client: RelyingParty
    use: AssertionUse | None = None


def authenticate_client(call: Call, params: Parameters, authorization: str | None) -> Authenticated:
    """Return the client that sent this request; refuses two methods at once and any but its own.

    Raises:
        ProtocolError: ``invalid_client`` with 401, or ``invalid_request`` for two methods.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    basic = scheme.lower() == "basic"
    assertion = params.get("client_assertion")
    secret = params.get("client_secret")
    if sum((basic, assertion is not None, secret is not None)) > 1:
        raise ProtocolError("invalid_request", "More than one method of client authentication")
    if assertion is not None:
        return _by_assertion(call, params, assertion)
    if basic:
        client_id, given = _read_basic(credentials)
        if params.get("client_id") not in (None, client_id):
            raise invalid_client("client_id is not that of the Authorization header", basic=True)
        return _by_secret(call, client_id, given, "client_secret_basic")
    if secret is not None:
        return _by_secret(call, params.require("client_id"), secret, "client_secret_post")
    return _without_secret(call, params)


def refuse_public(client: RelyingParty) -> None:
    """Refuse a client that cannot prove who it is, where nothing else does."""
    if client.auth_method == "none":
        raise ProtocolError("unauthorized_client", "A public client may not do this")


def _by_assertion(call: Call, params: Parameters, token: str) -> Authenticated:
    if params.get("client_assertion_type") != TYPE:
        raise invalid_client("client_assertion_type must be jwt-bearer")
    assertion = read_assertion(token)
    claimed = claimed_client(assertion)
    if params.get("client_id") not in (None, claimed):
        raise invalid_client("client_id is not that of the client assertion")
    client = call.find_client(claimed)
    if client is None or client.auth_method != "private_key_jwt":
        raise invalid_client("Unknown client")
    use = check_assertion(
        assertion,
        client,
        call.issuer.assertion_audiences,
        call.profile.assertion_algorithms,
        call.now,
        exact=call.profile.exact_audience,
    )
    return Authenticated(client, use)


def _without_secret(call: Call, params: Parameters) -> Authenticated:
    """Return a client that was registered without any secret; every other shows a certificate."""
    client = call.find_client(params.get("client_id") or "")
    if client is not None and client.auth_method == "none":
        return Authenticated(client)
    return _by_certificate(call, params)


def _by_certificate(call: Call, params: Parameters) -> Authenticated:
    client = call.find_client(params.get("client_id") or "")
    if client is None or client.auth_method not in CERTIFICATE_METHODS:
        raise invalid_client("Client authentication is required")
    check_client_certificate(client, call.sender.certificate)
    return Authenticated(client)


def _by_secret(call: Call, client_id: str, secret: str, method: str) -> Authenticated:
    basic = method == "client_secret_basic"
    client = call.find_client(client_id)
    stored = client.secret_hash if client is not None else None
    # Compared even for an unknown client, so that time does not tell which clients exist.
    equal = hmac.compare_digest(stored or bytes(32), hash_token(secret))
    if client is None or stored is None or not equal or client.auth_method != method:
        raise invalid_client("Unknown client or wrong secret", basic=basic)
    return Authenticated(client)


def _read_basic(credentials: str) -> tuple[str, str]:
    """Return id and secret of a Basic header, whose parts are form-encoded (section 2.3.1)."""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid_client("The Authorization header is malformed", basic=True) from error
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
