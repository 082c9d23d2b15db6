"""RFC 6750, bearer token usage: https://www.rfc-editor.org/rfc/rfc6750
Implemented: sections 2.1, 2.2 (at `/userinfo` only) and 3.
Left out: section 2.3, tokens in the query string, because addresses end up in logs.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.authorisations import Authorisation
from identity.oidc.confirmation import check_presented
from identity.oidc.errors import ProtocolError, invalid_token
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.queries import find_authorisation
from identity.oidc.rfc8707_resource_indicators import is_meant_for
from identity.oidc.rfc9068_access_tokens import AccessToken, read_access_token

# A bound token comes under a scheme of its own (RFC 9449, section 7.1).
_SCHEMES = ("bearer", "dpop")


def take_bearer_token(authorization: str | None, form: Parameters | None = None) -> str:
    """Return the token of a request; the scheme's name is read without regard to case.

    Raises:
        ProtocolError: none was sent (401 without a code), or several (400).
    """
    scheme, _, token = (authorization or "").partition(" ")
    in_header = [token.strip()] if scheme.lower() in _SCHEMES and token.strip() else []
    in_form = form.all("access_token") if form else []
    sent = in_header + in_form
    if len(sent) > 1:
        raise ProtocolError("invalid_request", "More than one access token was sent")
    if not sent:
        raise ProtocolError(
            "invalid_token", "An access token is required", status=401, challenge="Bearer"
        )
    return sent[0]


def check_bearer_token(call: Call, token: str) -> tuple[AccessToken, Authorisation]:
    """Return a person's token with what it came of; refuses revoked ones and programs' tokens."""
    access = read_access_token(call, token)
    if "aud" in access.claims and not is_meant_for(access.claims["aud"], call.issuer.url):
        raise invalid_token("The access token is meant for another place")
    check_presented(call, access.claims, token)
    if access.authorisation_id is None:
        raise invalid_token("The access token does not speak for a person")
    found = find_authorisation(call.session, access.authorisation_id, access.jti)
    if found is None:
        raise invalid_token("The access token was revoked")
    return access, found
