"""What the client may ask for."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_scope(draft: Draft) -> None:
    """Take the scopes the client may have; needs ``openid``, but where plain OAuth is served."""
    profile, client = draft.call.profile, draft.known_client
    asked = [profile.canonical_scope(scope) for scope in (draft.params.get("scope") or "").split()]
    if "openid" not in asked and profile.needs_openid:
        raise ProtocolError("invalid_scope", "Invalid scope: missing scope openid")
    allowed = [scope for scope in asked if scope in profile.scopes and scope in client.scopes]
    if profile.strict_scopes and (refused := [scope for scope in asked if scope not in allowed]):
        raise ProtocolError("invalid_scope", f"Invalid scope: {refused[0][:60]}")
    draft.scopes = tuple(dict.fromkeys(allowed))
