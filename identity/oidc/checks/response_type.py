"""What the client wants to be given."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.oauth_response_types import canonical_type


def check_response_type(draft: Draft) -> None:
    """Refuse what the profile does not offer, and what the client is not registered for."""
    wanted = canonical_type(draft.params.require("response_type"))
    offered = draft.call.profile.response_types
    if wanted not in offered:
        only = f" {offered[0]}" if len(offered) == 1 else f" one of: {', '.join(offered)}"
        raise ProtocolError("unsupported_response_type", f"response_type must be{only}")
    if wanted not in map(canonical_type, draft.known_client.options.response_types):
        raise ProtocolError(
            "unauthorized_client", f"The client is not registered for response_type {wanted}"
        )
    draft.response_type = wanted
