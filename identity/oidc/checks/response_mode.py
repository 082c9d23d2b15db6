"""How the answer travels."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError, ProtocolError

RESPONSE_MODES = ("query", "form_post")


def check_response_mode(draft: Draft) -> None:
    """Take the way the answer travels; known before any refusal travels it."""
    mode = draft.params.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        kind = PageError if draft.call.profile.missing_on_page else ProtocolError
        raise kind("invalid_request", "response_mode must be query or form_post")
    draft.response_mode = mode
