"""RFC 9068, JWT access tokens: https://www.rfc-editor.org/rfc/rfc9068
Implemented: sections 2.1, 2.2, 3 and 4; beside it the older shape of ScotAccount (`scp`, `cid`).
Left out: nothing.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key

from identity.oidc.authorisations import Authorisation, authorisation_id_of, make_jti
from identity.oidc.core_acr import acr_of
from identity.oidc.errors import invalid_token
from identity.oidc.provider import Call
from identity.oidc.queries import find_opaque_token
from identity.oidc.rfc8707_resource_indicators import audience_of
from identity.relying_parties.rules import RelyingParty
from shared.crypto import hash_token

TYPE = "at+jwt"


@dataclass(frozen=True)
class AccessToken:
    """A verified access token of this issuer."""

    jti: str
    client_id: str
    subject: str
    scopes: tuple[str, ...]
    expires_at: int
    authorisation_id: UUID | None
    claims: Mapping[str, object]


def make_user_token(call: Call, authorisation: Authorisation, client: RelyingParty) -> str:
    """Return an access token for what a person allowed; good at this issuer's own endpoints."""
    issued = int(call.now.timestamp())
    common: dict[str, object] = {
        "iss": call.issuer.url,
        "sub": authorisation.subject,
        "iat": issued,
        "exp": issued + call.profile.access_token_seconds,
        "jti": make_jti(authorisation.id),
    }
    if authorisation.confirmation is not None:
        common["cnf"] = dict(authorisation.confirmation)
    if call.profile.access_token == "scotaccount":  # noqa: S105 - the name of a shape
        own: dict[str, object] = {"scp": list(authorisation.scopes), "cid": client.client_id}
    else:
        own = {
            "aud": audience_of(authorisation.asked.resources, call.issuer.url),
            "client_id": client.client_id,
            "scope": " ".join(authorisation.scopes),
            "auth_time": int(authorisation.authenticated_at.timestamp()),
            "acr": acr_of(authorisation.level, authorisation.asked),
        }
        if authorisation.asked.authorization_details:
            own["authorization_details"] = list(authorisation.asked.authorization_details)
    return call.keys.sign(call.profile.access_token_algorithm, common | own, typ=TYPE)


def make_service_token(
    call: Call,
    client: RelyingParty,
    scopes: tuple[str, ...],
    resources: tuple[str, ...] = (),
    *,
    confirmation: Mapping[str, str] | None = None,
) -> str:
    """Return an access token of a program; nothing is stored for it.

    It is for the platform's APIs where the client named no resources.
    """
    issued = int(call.now.timestamp())
    claims: dict[str, object] = {
        "iss": call.issuer.url,
        "sub": client.client_id,
        "aud": audience_of(resources, call.provider.settings.public_url),
        "client_id": client.client_id,
        "organisation": client.organisation,
        "scope": " ".join(scopes),
        "iat": issued,
        "exp": issued + call.profile.access_token_seconds,
        "jti": secrets.token_urlsafe(16),
    }
    if confirmation is not None:
        claims["cnf"] = dict(confirmation)
    return call.keys.sign(call.profile.access_token_algorithm, claims, typ=TYPE)


def read_access_token(call: Call, token: str) -> AccessToken:
    """Return a token of this issuer that has not expired; refuses every other.

    Whether it was revoked is asked in the statement that acts on it.

    Raises:
        ProtocolError: ``invalid_token`` with 401 (RFC 6750, section 3.1).
    """
    if call.profile.access_token == "opaque":  # noqa: S105 - the name of a shape
        return _read_opaque(call, token)
    claims = read_own_token(call, token, typ=TYPE)
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= call.now.timestamp():
        raise invalid_token("The access token has expired")
    scopes = claims.get("scp")
    named = str(claims.get("scope", "")).split()
    return AccessToken(
        jti=str(claims.get("jti", "")),
        client_id=str(claims.get("cid") or claims.get("client_id") or ""),
        subject=str(claims.get("sub", "")),
        scopes=tuple(str(scope) for scope in scopes) if isinstance(scopes, list) else tuple(named),
        expires_at=expires,
        authorisation_id=authorisation_id_of(claims.get("jti")),
        claims=claims,
    )


def _read_opaque(call: Call, token: str) -> AccessToken:
    found = find_opaque_token(call.quick, token, call.now)
    if found is None:
        raise invalid_token("The access token is unknown, expired or revoked")
    authorisation, expires_at = found
    expires = int(expires_at.timestamp())
    jti = hash_token(token).hex()
    return AccessToken(
        jti=jti,
        client_id=authorisation.client_id,
        subject=authorisation.subject,
        scopes=authorisation.scopes,
        expires_at=expires,
        authorisation_id=authorisation.id,
        claims={"iss": call.issuer.url, "sub": authorisation.subject, "exp": expires, "jti": jti},
    )


def read_own_token(
    call: Call, token: str, *, typ: str | None, is_hint: bool = False
) -> Mapping[str, object]:
    """Return the claims of a token that this issuer signed, expired or not.

    A hint may be as old as the oldest key that is kept; everything else needs a published one.

    Raises:
        ProtocolError: ``invalid_token``: another issuer, kind or signature.
    """

    def key_of(guest: GuestProtocol) -> Key:
        kid = str(guest.headers().get("kid", ""))
        found = (call.keys.find_retired(kid) if is_hint else None) or call.find_key(kid)
        if found is None or found.algorithm not in call.profile.key_algorithms:
            raise LookupError("unknown signing key")
        return found.public

    try:
        decoded = jwt.decode(token, key_of, algorithms=list(call.profile.key_algorithms))
    except (JoseError, LookupError, ValueError, RecursionError) as error:
        raise invalid_token("The token was not issued here") from error
    kind = decoded.header.get("typ")
    if decoded.claims.get("iss") != call.issuer.url or kind != typ:
        raise invalid_token("The token was not issued here for this")
    return decoded.claims
