"""How the answer travels."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.jarm import full_mode
from identity.oidc.oauth_response_types import brings_tokens, default_mode


def check_response_mode(draft: Draft) -> None:
    """Take the way the answer travels; known before any refusal travels it."""
    response_type = draft.params.get("response_type")
    draft.response_mode = usual = default_mode(response_type)
    mode = draft.params.get("response_mode")
    if mode is None:
        return
    offered = draft.call.profile.response_modes
    if mode not in offered:
        kind = PageError if draft.call.profile.missing_on_page else ProtocolError
        raise kind("invalid_request", f"response_mode must be {' or '.join(offered)}")
    if mode.startswith("query") and brings_tokens(response_type):
        raise ProtocolError("invalid_request", "Tokens are not put into a query")
    draft.response_mode = full_mode(mode, usual)
