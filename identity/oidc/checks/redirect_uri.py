"""Where the answer goes: letter by letter one of the registered addresses.

Only an app on the person's own computer may choose its port anew (RFC 8252, section 7.3).
"""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError
from identity.relying_parties.checks.addresses import is_same_native_address
from identity.relying_parties.rules import RelyingParty


def check_redirect_uri(draft: Draft) -> None:
    """Compare the redirect URI with the registered ones, letter by letter."""
    redirect_uri = draft.params.get("redirect_uri")
    if redirect_uri is None or not _is_registered(draft.known_client, redirect_uri):
        raise PageError("invalid_request", "redirect_uri is missing or not registered")
    draft.redirect_uri = redirect_uri


def _is_registered(client: RelyingParty, redirect_uri: str) -> bool:
    if redirect_uri in client.redirect_uris:
        return True
    return client.options.application_type == "native" and any(
        is_same_native_address(one, redirect_uri) for one in client.redirect_uris
    )
