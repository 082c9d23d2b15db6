"""OpenID Connect Core, UserInfo: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 5.3.1 (GET and POST), 5.3.2 as JSON, 5.3.3 and 5.4.
Left out: signed and encrypted answers, the `claims` parameter's single claims (section 5.5).
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.queries import get_details
from identity.oidc.rfc6750_bearer_tokens import check_bearer_token, take_bearer_token
from identity.oidc.rfc9470_step_up import check_scopes


def answer_userinfo(
    call: Call, authorization: str | None, form: Parameters | None
) -> dict[str, object]:
    """Return the claims that the token's scopes stand for.

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
    details = get_details(
        call.session, authorisation.account_id, access.scopes, call.provider.sealer
    )
    return {"sub": authorisation.subject, **details}
