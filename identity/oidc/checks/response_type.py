"""What the client wants to be given."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_response_type(draft: Draft) -> None:
    """Refuse everything but the code flow."""
    if draft.params.require("response_type") != "code":
        raise ProtocolError("unsupported_response_type", "response_type must be code")
