"""RFC 7662, token introspection: https://www.rfc-editor.org/rfc/rfc7662
Implemented: section 2; a caller learns about its own tokens, platform services about all.
Left out: RFC 9701, signed answers.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.queries import (
    find_authorisation,
    find_refresh_token,
    is_access_token_revoked,
)
from identity.oidc.rfc7009_revocation import authenticate_alone
from identity.oidc.rfc9068_access_tokens import AccessToken, read_access_token
from identity.relying_parties.rules import RelyingParty

_INACTIVE: dict[str, object] = {"active": False}


def answer_introspection(
    call: Call, params: Parameters, authorization: str | None
) -> dict[str, object]:
    """Return what a token is worth; for a stranger's token only that it is not active."""
    caller = authenticate_alone(call, params, authorization)
    token = params.require("token")
    found = find_refresh_token(call.quick, token, caller.client.client_id, call.now)
    if found is not None:
        authorisation, issued_at, ends_at = found
        return {
            "active": True,
            "client_id": authorisation.client_id,
            "sub": authorisation.subject,
            "scope": " ".join(authorisation.scopes),
            "iss": call.issuer.url,
            "iat": int(issued_at.timestamp()),
            "exp": int(ends_at.timestamp()),
        }
    try:
        access = read_access_token(call, token)
    except ProtocolError:
        return _INACTIVE
    if not _may_see(caller.client, access) or not _is_live(call, access):
        return _INACTIVE
    members = ("iss", "sub", "aud", "iat", "exp", "jti")
    claims = {name: access.claims[name] for name in members if name in access.claims}
    return {
        "active": True,
        "client_id": access.client_id,
        "scope": " ".join(access.scopes),
        "token_type": "Bearer",
        **claims,
    }


def _may_see(caller: RelyingParty, access: AccessToken) -> bool:
    is_service = caller.first_party and "client_credentials" in caller.grant_types
    return is_service or caller.client_id == access.client_id


def _is_live(call: Call, access: AccessToken) -> bool:
    if access.authorisation_id is None:
        return not is_access_token_revoked(call.quick, access.jti)
    found = find_authorisation(call.quick, access.authorisation_id, access.client_id, access.jti)
    return found is not None
