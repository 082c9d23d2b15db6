"""The two values that are echoed byte for byte."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.oauth_response_types import brings

_LONGEST_STATE = 4096


def check_state_and_nonce(draft: Draft) -> None:
    """Refuse the absence of ``state`` or ``nonce`` where it is needed, and what is too long.

    A nonce is needed wherever the answer itself brings an ID token (Core, sections 3.2.2.1 and
    3.3.2.11): it is all that ties that token to the browser's session with the client.
    """
    for name in ("state", "nonce"):
        value = draft.params.get(name)
        may_lack = name == "nonce" and draft.known_client.options.permit_missing_nonce
        needed = (draft.call.profile.needs_state_and_nonce and not may_lack) or (
            name == "nonce" and brings(draft.response_type, "id_token")
        )
        if value is None and needed:
            raise ProtocolError("invalid_request", f"Missing parameter: {name}")
        if value is not None and len(value) > _LONGEST_STATE:
            raise ProtocolError("invalid_request", f"{name} is too long")
