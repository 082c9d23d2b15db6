"""Where the answer goes: letter by letter one of the registered addresses."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError


def check_redirect_uri(draft: Draft) -> None:
    """Compare the redirect URI with the registered ones, letter by letter."""
    redirect_uri = draft.params.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in draft.known_client.redirect_uris:
        raise PageError("invalid_request", "redirect_uri is missing or not registered")
    draft.redirect_uri = redirect_uri
