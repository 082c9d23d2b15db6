"""How the answer travels."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.jarm import full_mode


def check_response_mode(draft: Draft) -> None:
    """Take the way the answer travels; known before any refusal travels it."""
    mode = draft.params.get("response_mode") or "query"
    offered = draft.call.profile.response_modes
    if mode not in offered:
        kind = PageError if draft.call.profile.missing_on_page else ProtocolError
        raise kind("invalid_request", f"response_mode must be {' or '.join(offered)}")
    draft.response_mode = full_mode(mode, "query")
