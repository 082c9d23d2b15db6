"""RFC 7592, registration management: https://www.rfc-editor.org/rfc/rfc7592
Implemented: sections 2 and 3; a token opens its own client only; a change replaces everything.
Left out: a new token with each change (a lost answer would lock the client out); stored secrets.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import hmac
from collections.abc import Mapping
from dataclasses import replace

from identity.oidc.errors import ProtocolError, invalid_token
from identity.oidc.openid_registration import Prepared
from identity.oidc.rfc7591_registration import bad_metadata
from shared.crypto import hash_token, random_token

# Section 2.2: what the server says about a registration, a client never says.
_SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
_BY_SECRET = "client_secret_"  # noqa: S105 - how the names of two methods begin


def take_token(authorization: str | None) -> str:
    """Return the bearer token of a request.

    Raises:
        ProtocolError: 401 where there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProtocolError(
            "invalid_token", "A bearer token is needed", status=401, challenge="Bearer"
        )
    return token.strip()


def refuse_token() -> ProtocolError:
    """Return the one answer for unknown tokens, used-up ones and those of other clients."""
    return invalid_token("The token is not good for this")


def check_change(document: object, client_id: str, secret_hash: bytes | None) -> None:
    """Refuse a change that is not one of this client (section 2.2).

    Raises:
        ProtocolError: ``invalid_request`` or ``invalid_client_metadata``.
    """
    if not isinstance(document, Mapping):
        raise bad_metadata("the body", "must be a JSON object")
    for member in _SERVERS_OWN:
        if member in document:
            raise ProtocolError("invalid_request", f"{member} must not be sent")
    if document.get("client_id") != client_id:
        raise ProtocolError("invalid_request", "client_id must be that of the client")
    secret = document.get("client_secret")
    if secret is None:
        return
    known = hash_token(secret) if isinstance(secret, str) else b""
    if secret_hash is None or not hmac.compare_digest(known, secret_hash):
        raise bad_metadata("client_secret", "is not the one that was issued")


def with_secret(prepared: Prepared, before: bytes | None) -> tuple[Prepared, str | None]:
    """Return the client with the hash of its secret, and the secret where a new one is needed."""
    party = prepared.party
    if not party.auth_method.startswith(_BY_SECRET):
        return prepared, None
    if before is not None:
        return replace(prepared, party=replace(party, secret_hash=before)), None
    secret = random_token()
    return replace(prepared, party=replace(party, secret_hash=hash_token(secret))), secret
