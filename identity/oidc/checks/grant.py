"""Whether the client may sign people in at all."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.relying_parties.rules import RelyingParty


def check_grant(draft: Draft) -> None:
    """Refuse a client that was switched off, and one for tokens of its own only."""
    client = draft.known_client
    check_active(client)
    if not {"authorization_code", "implicit"} & set(client.grant_types):
        raise ProtocolError("unauthorized_client", "This client may not sign people in")
    settings = draft.call.provider.settings
    is_sandbox = client.options.environment == "sandbox"
    if is_sandbox and not settings.offers_sandbox:
        raise ProtocolError("unauthorized_client", "There is no sandbox here")


def check_active(client: RelyingParty) -> None:
    """Refuse a client that was switched off."""
    if not client.options.is_active:
        raise ProtocolError("unauthorized_client", "client deactivated")
