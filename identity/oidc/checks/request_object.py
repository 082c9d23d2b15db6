"""Request objects (Core, section 6)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_unsupported(draft: Draft) -> None:
    """Refuse request objects, which are not offered (Core, section 6)."""
    if draft.params.get("request") is not None:
        raise ProtocolError("request_not_supported", "Request objects are not supported")
    if draft.params.get("request_uri") is not None:
        raise ProtocolError("request_uri_not_supported", "request_uri is not supported")
