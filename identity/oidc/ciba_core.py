"""OpenID Connect CIBA: https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html
Implemented: poll and ping, signed requests as FAPI-CIBA wants them, `login_hint` (an e-mail address), `id_token_hint`.
Left out: push, which sends tokens unasked; `login_hint_token`; `user_code`.
By: ourselves.
"""  # noqa: D205, E501 - four lines of facts, docs/standards.md is made of them

import json
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.queries import find_credentials
from identity.accounts.rules import normalise_email
from identity.accounts.vault import Vault
from identity.oidc.actions import Lives, spend_assertion
from identity.oidc.asked import Asked
from identity.oidc.asking import take_scopes
from identity.oidc.authorisations import Authorisation
from identity.oidc.ciba_requests import (
    algorithms_of,
    check_binding_message,
    check_expiry,
    check_notification_token,
    find_hint,
    read_signed_request,
)
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.polled import NewRequest, start_polled
from identity.oidc.polled_grant import spend_polled
from identity.oidc.provider import Call
from identity.oidc.rfc6749_client_authentication import Authenticated, refuse_public
from identity.oidc.rfc7009_revocation import authenticate_alone
from identity.oidc.rfc8707_resource_indicators import take_resources
from identity.oidc.rfc9068_access_tokens import read_own_token
from identity.oidc.rfc9396_authorization_details import take_typed_details
from identity.relying_parties.grants import CIBA
from identity.relying_parties.rules import RelyingParty
from identity.signin.rules import HOUR
from shared.crypto import Sealer, random_token
from shared.ids import new_id
from shared.outbox import enqueue

TELL_TOPIC = "identity.oidc.tell_of_request"
INTERVAL_SECONDS = 5
_FIND = text(
    "SELECT account_id FROM known_subject WHERE client_id = :client_id AND subject = :subject"
)
_REMEMBER = text(
    "INSERT INTO known_subject (client_id, subject, account_id)"
    " VALUES (:client_id, :subject, :account_id) ON CONFLICT DO NOTHING"
)


def answer_ciba_request(
    call: Call, params: Parameters, authorization: str | None, vault: Vault
) -> dict[str, object]:
    """Return the id under which a client asks for the tokens of a person who is not here.

    An address without an account is answered like any other: the request waits and expires.

    Raises:
        ProtocolError: with the codes of section 13.
    """
    client = authenticate_alone(call, params, authorization).client
    call.provider.limits.check(client.client_id)
    if CIBA not in client.grant_types:
        raise ProtocolError("unauthorized_client", "The client may not use this grant_type")
    refuse_public(client)
    asked = _unwrap(call, params, client)
    if asked.get("user_code") is not None:
        raise ProtocolError("invalid_request", "user_code is not offered here")
    scopes = take_scopes(call.profile, client, asked)
    if "openid" not in scopes:
        raise ProtocolError("invalid_scope", "Invalid scope: missing scope openid")
    settings = call.provider.settings
    is_ping = client.options.backchannel_token_delivery_mode == "ping"  # noqa: S105 - a mode
    token = check_notification_token(asked.get("client_notification_token")) if is_ping else ""
    message = check_binding_message(asked.get("binding_message"))
    auth_req_id, request_id = random_token(), new_id()
    new = NewRequest(
        kind="ciba",
        client_id=client.client_id,
        profile=call.profile.name,
        secret=auth_req_id,
        scopes=scopes,
        asked=Asked(
            acr_values=tuple((asked.get("acr_values") or "").split()),
            resources=take_resources(call, client, asked),
            authorization_details=take_typed_details(client, asked),
        ),
        seconds=check_expiry(
            asked.get("requested_expiry"), settings.ciba_seconds, settings.ciba_longest_seconds
        ),
        interval_seconds=INTERVAL_SECONDS,
        account_id=_find_person(call, client, asked, vault),
    )
    notification = json.dumps({"token": token, "auth_req_id": auth_req_id}) if is_ping else ""
    start_polled(
        call.session,
        request_id,
        new,
        call.now,
        message_sealed=_seal(vault.sealer, message, request_id, "message"),
        notification_sealed=_seal(vault.sealer, notification, request_id, "notification"),
    )
    enqueue(call.session, TELL_TOPIC, {"request_id": str(request_id)}, key=str(request_id))
    return {
        "auth_req_id": auth_req_id,
        "expires_in": new.seconds,
        "interval": INTERVAL_SECONDS,
    }


def spend_ciba(
    call: Call,
    params: Parameters,
    caller: Authenticated,
    refresh_token: str | None,
    lives: Lives,
) -> Authorisation:
    """Return what the person agreed to (section 10.1).

    Raises:
        ProtocolError: the answers of section 11 while there is nothing to give.
    """
    return spend_polled(call, caller, "ciba", params.require("auth_req_id"), refresh_token, lives)


def remember_subject(session: Session, client_id: str, subject: str, account_id: UUID) -> None:
    """Note how a client knows a person, so that its tokens can be hints to them."""
    session.execute(
        _REMEMBER, {"client_id": client_id, "subject": subject, "account_id": account_id}
    )


def open_part(sealer: Sealer, sealed: bytes | None, request_id: UUID, part: str) -> str:
    """Return a sealed part of a request, empty where there is none."""
    return sealer.open(bytes(sealed), _aad(request_id, part)).decode() if sealed else ""


def _seal(sealer: Sealer, plain: str, request_id: UUID, part: str) -> bytes | None:
    return sealer.seal(plain.encode(), _aad(request_id, part)) if plain else None


def _aad(request_id: UUID, part: str) -> bytes:
    return f"identity.polled_request.{part}:{request_id}".encode()


def _unwrap(call: Call, params: Parameters, client: RelyingParty) -> Parameters:
    registered = client.options.backchannel_authentication_request_signing_alg
    if params.get("request") is None:
        if registered or call.profile.signed_ciba:
            raise ProtocolError("invalid_request", "The request must be signed")
        return params
    algorithms = algorithms_of(call.profile.assertion_algorithms)
    inner, use = read_signed_request(params, client, call.issuer.url, algorithms, call.now)
    if not spend_assertion(call.session, use):
        raise ProtocolError("invalid_request", "request was used before")
    return inner


def _find_person(call: Call, client: RelyingParty, params: Parameters, vault: Vault) -> UUID | None:
    """Return whom a hint names; None for an address without an account, which stays secret."""
    name, value = find_hint(params)
    if name == "login_hint":
        index = vault.email_index(normalise_email(value))
        _check_limit(call, client, vault, index)
        found = find_credentials(call.session, index)
        return None if found is None else found.account_id
    try:
        claims = read_own_token(call, value, typ=None)
    except ProtocolError as error:
        raise ProtocolError("invalid_request", "id_token_hint is not a token of ours") from error
    if claims.get("aud") != client.client_id:
        raise ProtocolError("invalid_request", "id_token_hint is another client's")
    subject = str(claims.get("sub", ""))
    row = call.session.execute(
        _FIND, {"client_id": client.client_id, "subject": subject}
    ).one_or_none()
    if row is None:
        raise ProtocolError("unknown_user_id", "The person of id_token_hint is not known")
    _check_limit(call, client, vault, row.account_id.bytes)
    return UUID(str(row.account_id))


def _check_limit(call: Call, client: RelyingParty, vault: Vault, subject: bytes) -> None:
    """Let nobody be worn down with requests; counted alike for people who are not here."""
    maximum = call.provider.settings.ciba_requests_an_hour
    key = vault.counter_key("ciba", client.client_id.encode() + b"\0" + subject)
    if limits.take(call.session, key, maximum, HOUR, call.now) > maximum:
        raise ProtocolError(
            "temporarily_unavailable", "Too many requests", status=429, retry_after=3600
        )
