"""The two values that are echoed byte for byte."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

_LONGEST_STATE = 4096


def check_state_and_nonce(draft: Draft) -> None:
    """Refuse the absence of ``state`` or ``nonce`` where the profile needs them."""
    needed = draft.call.profile.needs_state_and_nonce
    may_lack_nonce = draft.known_client.options.permit_missing_nonce
    for name in ("state", "nonce"):
        value = draft.params.get(name)
        if value is None and needed and not (name == "nonce" and may_lack_nonce):
            raise ProtocolError("invalid_request", f"Missing parameter: {name}")
        if value is not None and len(value) > _LONGEST_STATE:
            raise ProtocolError("invalid_request", f"{name} is too long")
