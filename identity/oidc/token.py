"""The token endpoint: which grant is served by which handler, and what an answer looks like.

RFC 6749, sections 3.2, 4.1.3, 4.4, 5 and 6; OpenID Connect Core, sections 3.1.3 and 12.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from identity.oidc.actions import (
    Lives,
    Spent,
    redeem_code,
    revoke_by_code,
    revoke_by_refresh_token,
    spend_assertion,
    turn_refresh_token,
)
from identity.oidc.authorisations import Authorisation
from identity.oidc.checks.grant import check_active
from identity.oidc.ciba_core import spend_ciba
from identity.oidc.confirmation import confirm_sender, token_type_of
from identity.oidc.core_id_token import make_id_token
from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc6749_client_authentication import (
    Authenticated,
    authenticate_client,
    refuse_public,
)
from identity.oidc.rfc7636_pkce import challenge_of
from identity.oidc.rfc8628_device_grant import spend_device_code
from identity.oidc.rfc8693_token_exchange import exchange_token
from identity.oidc.rfc8707_resource_indicators import harmless_refusals, narrow_to, take_resources
from identity.oidc.rfc9068_access_tokens import make_service_token, make_user_token
from identity.oidc.rfc9396_authorization_details import narrow_details, refuse_details
from identity.relying_parties.grants import CIBA, DEVICE, TOKEN_EXCHANGE
from identity.relying_parties.rules import RelyingParty
from identity.sandbox.faults import find_error
from shared.crypto import random_token

Answer = dict[str, object]
Handler = Callable[[Call, Parameters, Authenticated], Answer]
Spender = Callable[[Call, Parameters, Authenticated, str | None, Lives], Authorisation]


def answer_token_request(call: Call, params: Parameters, authorization: str | None) -> Answer:
    """Return the body of a token response.

    Raises:
        ProtocolError: with the codes of RFC 6749, section 5.2. What it wrote must be kept.
    """
    params.check_single(but=("resource", "audience"))
    grant_type = params.require("grant_type")
    handler = GRANTS.get(grant_type)
    if handler is None or grant_type not in call.profile.grant_types:
        raise ProtocolError("unsupported_grant_type", "This grant_type is not offered here")
    caller = authenticate_client(call, params, authorization)
    check_active(caller.client)
    call.provider.limits.check(caller.client.client_id)
    if grant_type not in caller.client.grant_types:
        raise ProtocolError("unauthorized_client", "The client may not use this grant_type")
    with harmless_refusals(call, params):
        return handler(call, params, caller)


def _redeem(call: Call, params: Parameters, caller: Authenticated) -> Answer:
    code, client = params.require("code"), caller.client
    wants_refresh = "refresh_token" in client.grant_types
    refresh_token = random_token() if wants_refresh else None
    opaque = random_token() if call.profile.access_token == "opaque" else None  # noqa: S105 - a shape
    confirmation = confirm_sender(call, client)
    spent = redeem_code(
        call.quick,
        code=code,
        client_id=client.client_id,
        redirect_uri=params.require("redirect_uri"),
        challenge=challenge_of(params.get("code_verifier")),
        refresh_token=refresh_token,
        use=caller.use,
        lives=_lives(call),
        now=call.now,
        access_token=opaque,
        confirmation=confirmation,
    )
    if spent.authorisation is None:
        _check_first_use(spent)
        # The code may have been spent by somebody who stole it, or stolen after it was spent.
        revoke_by_code(call.session, code, client.client_id, call.now)
        raise ProtocolError("invalid_grant", "The code is unknown, expired, used or not yours")
    _refuse_if_ordered(spent.authorisation)
    found = _narrowed(call, params, client, spent.authorisation)
    return _tokens(call, found, client, refresh_token, opaque)


def _refuse_if_ordered(authorisation: Authorisation) -> None:
    """Refuse a good code, where a sandbox client ordered that."""
    if error := find_error(authorisation.asked.faults, "token"):
        status = {"invalid_client": 401, "server_error": 500}.get(error, 400)
        raise ProtocolError(error, "The sandbox was asked to refuse this", status=status)


def _refresh(call: Call, params: Parameters, caller: Authenticated) -> Answer:
    token, client = params.require("refresh_token"), caller.client
    asked = tuple((params.get("scope") or "").split())
    scopes = tuple(call.profile.canonical_scope(scope) for scope in asked)
    next_token = random_token() if call.profile.rotates_refresh else None
    confirmation = confirm_sender(call, client)
    spent = turn_refresh_token(
        call.quick,
        token=token,
        client_id=client.client_id,
        scopes=scopes,
        next_token=next_token,
        use=caller.use,
        lives=_lives(call),
        now=call.now,
        confirmation=confirmation,
        same_key=client.auth_method == "none",
    )
    if spent.authorisation is None:
        _check_first_use(spent)
        revoke_by_refresh_token(call.session, token, client.client_id, call.now, only_spent=True)
        raise ProtocolError(
            "invalid_grant", "The refresh token is unknown, expired, used or too narrow for this"
        )
    granted = replace(spent.authorisation, scopes=scopes) if scopes else spent.authorisation
    return _tokens(call, _narrowed(call, params, client, granted), client, next_token)


def _polled(spend: Spender) -> Handler:
    """Return the handler of a grant whose person answers elsewhere."""

    def redeem(call: Call, params: Parameters, caller: Authenticated) -> Answer:
        refresh_token = random_token() if "refresh_token" in caller.client.grant_types else None
        found = spend(call, params, caller, refresh_token, _lives(call))
        found = _narrowed(call, params, caller.client, found)
        return _tokens(call, found, caller.client, refresh_token)

    return redeem


def _narrowed(
    call: Call, params: Parameters, client: RelyingParty, found: Authorisation
) -> Authorisation:
    return narrow_details(params, client, narrow_to(call, params, client, found))


def _client_credentials(call: Call, params: Parameters, caller: Authenticated) -> Answer:
    client, use = caller.client, caller.use
    refuse_public(client)
    refuse_details(params)
    if use is not None and use.needs_second_secret:
        raise invalid_client("The client assertion needs iat and a life of at most an hour")
    offered = [scope for scope in client.scopes if scope not in call.profile.scopes]
    asked = (params.get("scope") or "").split() or offered
    if refused := [scope for scope in asked if scope not in offered]:
        raise ProtocolError("invalid_scope", f"Invalid scope: {refused[0][:60]}")
    resources = take_resources(call, client, params)
    confirmation = confirm_sender(call, client)
    if use is not None and not spend_assertion(call.quick, use):
        raise _replayed()
    scopes = tuple(dict.fromkeys(asked))
    return {
        "access_token": make_service_token(
            call, client, scopes, resources, confirmation=confirmation
        ),
        "token_type": token_type_of(confirmation),
        "expires_in": call.profile.access_token_seconds,
        "scope": " ".join(scopes),
    }


GRANTS: Mapping[str, Handler] = {
    "authorization_code": _redeem,
    "refresh_token": _refresh,
    "client_credentials": _client_credentials,
    DEVICE: _polled(spend_device_code),
    CIBA: _polled(spend_ciba),
    TOKEN_EXCHANGE: exchange_token,
}


def _tokens(
    call: Call,
    authorisation: Authorisation,
    client: RelyingParty,
    refresh_token: str | None,
    opaque: str | None = None,
) -> Answer:
    access_token = opaque or make_user_token(call, authorisation, client)
    answer: Answer = {
        "access_token": access_token,
        "token_type": token_type_of(authorisation.confirmation),
        "expires_in": call.profile.access_token_seconds,
        "scope": " ".join(authorisation.scopes),
    }
    if opaque is not None:
        del answer["scope"]
    if "openid" in authorisation.scopes:
        answer["id_token"] = make_id_token(call, authorisation, client, access_token)
    if authorisation.asked.authorization_details:
        answer["authorization_details"] = list(authorisation.asked.authorization_details)
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})


def _lives(call: Call) -> Lives:
    return Lives(call.profile.access_token_seconds, call.profile.refresh_token_seconds)


def _check_first_use(spent: Spent) -> None:
    if not spent.first_use:
        raise _replayed()


def _replayed() -> ProtocolError:
    return invalid_client("The client assertion was used before")
