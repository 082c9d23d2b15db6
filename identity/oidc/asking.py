"""What requests without a browser may ask for: scopes as at `/authorize`; pure."""

from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.relying_parties.profiles import Profile
from identity.relying_parties.rules import RelyingParty


def take_scopes(profile: Profile, client: RelyingParty, params: Parameters) -> tuple[str, ...]:
    """Return the scopes a client may have of those it asks for.

    A profile that is strict about scopes refuses the others, the rest pass over them.
    """
    asked = [profile.canonical_scope(scope) for scope in (params.get("scope") or "").split()]
    allowed = [scope for scope in asked if scope in profile.scopes and scope in client.scopes]
    if profile.strict_scopes and (refused := [scope for scope in asked if scope not in allowed]):
        raise ProtocolError("invalid_scope", f"Invalid scope: {refused[0][:60]}")
    if asked and not allowed:
        raise ProtocolError("invalid_scope", "The client may have none of these scopes")
    return tuple(dict.fromkeys(allowed))
