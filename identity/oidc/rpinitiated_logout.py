"""OpenID Connect RP-Initiated Logout: https://openid.net/specs/openid-connect-rpinitiated-1_0.html
Implemented: sections 2 and 3; expired hints count (S13); default ports are compared as equal.
Left out: encrypted hints; `logout_hint`, which is read and passed over.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from identity.oidc.core_subjects import sid_of
from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc9068_access_tokens import read_own_token
from identity.relying_parties.rules import RelyingParty, normalise_url
from identity.signin.queries import SignedInSession


@dataclass(frozen=True)
class LogoutRequest:
    """A checked request to end the session.

    Attributes:
        may_end: the hint is of this very session, so the person need not be asked.
        return_to: where the person goes afterwards; None is our own signed-out page.
    """

    client: RelyingParty | None
    may_end: bool
    return_to: str | None


def check_logout(
    call: Call, params: Parameters, signed_in: SignedInSession | None
) -> LogoutRequest:
    """Return what a client wants; refuses a hint or address that is not good with a page.

    Raises:
        PageError: nothing is ended and nobody is sent anywhere.
    """
    try:
        params.check_single()
        hint = params.get("id_token_hint")
        claims = read_own_token(call, hint, typ=None, is_hint=True) if hint else {}
    except ProtocolError as error:
        raise PageError("invalid_request", error.description) from error
    named = params.get("client_id")
    hinted = claims.get("aud")
    if hinted is not None and named not in (None, hinted):
        raise PageError("invalid_request", "client_id is not that of id_token_hint")
    client_id = str(hinted or named or "")
    client = call.find_client(client_id) if client_id else None
    if client_id and client is None:
        raise PageError("invalid_request", "Unknown client")
    return LogoutRequest(
        client=client,
        may_end=_is_of(claims.get("sid"), client, signed_in, call),
        return_to=_return_to(params, client),
    )


def _is_of(
    sid: object, client: RelyingParty | None, signed_in: SignedInSession | None, call: Call
) -> bool:
    if client is None or signed_in is None:
        return False
    return sid == sid_of(signed_in.id, client.client_id, call.keys.salt)


def _return_to(params: Parameters, client: RelyingParty | None) -> str | None:
    """Return the registered address that was asked for, with the state."""
    wanted = params.get("post_logout_redirect_uri")
    if wanted is None:
        return None
    registered = client.post_logout_uris if client is not None else ()
    if normalise_url(wanted) not in {normalise_url(one) for one in registered}:
        raise PageError("invalid_request", "post_logout_redirect_uri is not registered")
    state = params.get("state")
    if state is None:
        return wanted
    separator = "&" if "?" in wanted else "?"
    return f"{wanted}{separator}{urlencode({'state': state}, quote_via=quote)}"
