"""Which client asks; its absence is told on a page (RFC 6749, section 4.1.2.1)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError


def check_client(draft: Draft) -> None:
    """Find the client; its absence is told on a page (RFC 6749, section 4.1.2.1)."""
    client_id = draft.params.get("client_id")
    if client_id is None and draft.call.profile.missing_on_page:
        raise PageError("request_is_missing_parameters", "Missing parameters: client_id")
    client = draft.call.find_client(client_id) if client_id else None
    if client is None:
        raise PageError("invalid_request", "Unknown or missing client_id")
    draft.client = client
