"""Whether the client may sign people in at all."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_grant(draft: Draft) -> None:
    """Refuse a client that is registered for tokens of its own only."""
    if not {"authorization_code", "implicit"} & set(draft.known_client.grant_types):
        raise ProtocolError("unauthorized_client", "This client may not sign people in")
