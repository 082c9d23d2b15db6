"""OpenID Connect Core, UserInfo: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 5.3.1 (GET and POST), 5.3.2 as JSON, signed and encrypted, 5.3.3, 5.4, 5.5.
Left out: nothing.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json

from identity.oidc.core_claims import userinfo_claims
from identity.oidc.core_encryption import encrypt
from identity.oidc.errors import ProtocolError, invalid_token
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc6750_bearer_tokens import check_bearer_token, take_bearer_token
from identity.oidc.rfc9470_step_up import check_scopes
from identity.relying_parties.rules import RelyingParty


def answer_userinfo(
    call: Call, authorization: str | None, form: Parameters | None
) -> dict[str, object] | str:
    """Return the claims that the token stands for; as a JWT for a client registered for one.

    Raises:
        ProtocolError: 401 for a missing or bad token, 403 for one without ``openid``.
    """
    access, authorisation = check_bearer_token(call, take_bearer_token(authorization, form))
    if "openid" not in access.scopes:
        challenge = 'Bearer error="insufficient_scope", scope="openid"'
        raise ProtocolError(
            "insufficient_scope", "The scope openid is needed", status=403, challenge=challenge
        )
    check_scopes(
        access.scopes,
        level=authorisation.level,
        authenticated_at=authorisation.authenticated_at,
        now=call.now,
    )
    client = call.find_client(access.client_id)
    if client is None:
        raise invalid_token("The client of the access token is gone")
    claims = userinfo_claims(call, authorisation, access.scopes)
    return _presented(call, client, {"sub": authorisation.subject, **claims})


def _presented(
    call: Call, client: RelyingParty, claims: dict[str, object]
) -> dict[str, object] | str:
    """Return the claims as the client registered to get them (section 5.3.2)."""
    options = client.options
    signed, alg = options.userinfo_signed_response_alg, options.userinfo_encrypted_response_alg
    if signed is None and alg is None:
        return claims
    content = json.dumps(claims)
    if signed is not None:
        own = {"iss": call.issuer.url, "aud": client.client_id, **claims}
        content = call.keys.sign(signed, own)
    if alg is None:
        return content
    enc = options.userinfo_encrypted_response_enc
    return encrypt(client, content, alg, enc, cty="JWT" if signed else None)
