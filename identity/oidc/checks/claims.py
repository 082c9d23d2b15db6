"""The claims parameter (Core, section 5.5)."""

import json

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

_CLAIM_TARGETS = ("userinfo", "id_token")


def check_claims(draft: Draft) -> None:
    """Refuse a ``claims`` parameter of the wrong shape (Core, section 5.5)."""
    value = draft.params.get("claims")
    if value is None:
        return
    try:
        claims = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("invalid_request", "claims is not JSON") from error
    if not isinstance(claims, dict):
        raise ProtocolError("invalid_request", "claims must be an object")
    for target in _CLAIM_TARGETS:
        members = claims.get(target, {})
        if not isinstance(members, dict):
            raise ProtocolError("invalid_request", f"claims: {target} must be an object")
        if any(not isinstance(one, dict | None) for one in members.values()):
            raise ProtocolError("invalid_claims", f"claims: a member of {target} is malformed")
    draft.claims = claims
