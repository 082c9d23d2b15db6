"""RFC 7009, token revocation: https://www.rfc-editor.org/rfc/rfc7009
Implemented: section 2; a refresh token ends its family, an access token ends alone.
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from datetime import UTC, datetime

from identity.oidc.actions import revoke_access_token, revoke_by_refresh_token, spend_assertion
from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc6749_client_authentication import Authenticated, authenticate_client
from identity.oidc.rfc9068_access_tokens import read_access_token


def answer_revocation(call: Call, params: Parameters, authorization: str | None) -> None:
    """Revoke a token of the caller; anybody else's and unknown ones are passed over in silence."""
    caller = authenticate_alone(call, params, authorization)
    token, client_id = params.require("token"), caller.client.client_id
    if revoke_by_refresh_token(call.session, token, client_id, call.now, only_spent=False):
        return
    try:
        access = read_access_token(call, token)
    except ProtocolError:
        return
    if access.client_id == client_id:
        until = datetime.fromtimestamp(access.expires_at, UTC)
        revoke_access_token(call.session, access.jti, until)


def authenticate_alone(call: Call, params: Parameters, authorization: str | None) -> Authenticated:
    """Return a caller that proved itself without any other secret beside (S5).

    Raises:
        ProtocolError: ``invalid_client``, also for undated, long-lived and replayed assertions.
    """
    params.check_single()
    caller = authenticate_client(call, params, authorization)
    if caller.use is not None:
        if caller.use.needs_second_secret:
            raise invalid_client("The client assertion needs iat and a life of at most an hour")
        if not spend_assertion(call.session, caller.use):
            raise invalid_client("The client assertion was used before")
    return caller
