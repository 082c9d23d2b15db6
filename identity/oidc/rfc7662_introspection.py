"""RFC 7662, token introspection: https://www.rfc-editor.org/rfc/rfc7662
Implemented: section 2; a caller learns about its own tokens and those meant for it.
Left out: nothing; signed answers are RFC 9701's.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.confirmation import token_type_of
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.queries import (
    find_authorisation,
    find_refresh_token,
    is_access_token_revoked,
)
from identity.oidc.rfc6749_client_authentication import Authenticated, refuse_public
from identity.oidc.rfc7009_revocation import authenticate_alone
from identity.oidc.rfc8707_resource_indicators import is_meant_for
from identity.oidc.rfc9068_access_tokens import AccessToken, read_access_token
from identity.relying_parties.rules import RelyingParty

_INACTIVE: dict[str, object] = {"active": False}
_SHOWN = (
    *("iss", "sub", "aud", "iat", "exp", "jti", "auth_time", "acr"),
    *("act", "may_act", "cnf", "authorization_details"),
)
_DOTS_OF_JWT = 2


def answer_introspection(
    call: Call, params: Parameters, authorization: str | None
) -> tuple[Authenticated, dict[str, object]]:
    """Return who asks, and what a token is worth; a stranger's token is only not active.

    What a token says of itself is in it, so one statement tells whether it still holds.
    """
    caller = authenticate_alone(call, params, authorization)
    refuse_public(caller.client)
    token = params.require("token")
    if token.count(".") == _DOTS_OF_JWT:
        return caller, _access(call, caller.client, token)
    return caller, _refresh(call, caller.client, token)


def _refresh(call: Call, client: RelyingParty, token: str) -> dict[str, object]:
    found = find_refresh_token(call.quick, token, client.client_id, call.now)
    if found is None:
        return _INACTIVE
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


def _access(call: Call, client: RelyingParty, token: str) -> dict[str, object]:
    try:
        access = read_access_token(call, token)
    except ProtocolError:
        return _INACTIVE
    if not _may_see(call, client, access) or not _is_live(call, access):
        return _INACTIVE
    return {
        "active": True,
        "client_id": access.client_id,
        "scope": " ".join(access.scopes),
        "token_type": token_type_of(access.claims.get("cnf")),
        **{name: access.claims[name] for name in _SHOWN if name in access.claims},
    }


def _may_see(call: Call, caller: RelyingParty, access: AccessToken) -> bool:
    """Tell whether a caller may know of a token: its own, or one that is meant for it.

    The platform's services are meant by this issuer's name and the platform's address; tokens of
    ScotAccount's shape name no audience and are meant for them too.
    """
    if caller.client_id == access.client_id:
        return True
    is_service = caller.first_party and "client_credentials" in caller.grant_types
    audience = access.claims.get("aud")
    own = (call.issuer.url, call.provider.settings.public_url) if is_service else ()
    if audience is None:
        return is_service
    return is_meant_for(audience, *caller.options.serves, *own)


def _is_live(call: Call, access: AccessToken) -> bool:
    if access.authorisation_id is None:
        return not is_access_token_revoked(call.quick, access.jti)
    return find_authorisation(call.quick, access.authorisation_id, access.jti) is not None
