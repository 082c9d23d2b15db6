"""How the answer travels."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

RESPONSE_MODES = ("query", "form_post")


def check_response_mode(draft: Draft) -> None:
    """Take the way the answer travels; known before any refusal travels it."""
    mode = draft.params.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise ProtocolError("invalid_request", "response_mode must be query or form_post")
    draft.response_mode = mode
