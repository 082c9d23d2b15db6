"""What `/token` does for a client that asks again and again: devices and CIBA alike."""

from identity.oidc.actions import Lives
from identity.oidc.authorisations import Authorisation
from identity.oidc.confirmation import confirm_sender
from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.polled import Kind, poll
from identity.oidc.provider import Call
from identity.oidc.rfc6749_client_authentication import Authenticated

_SENTENCES = {
    "authorization_pending": "The person has not decided yet",
    "slow_down": "Ask less often: wait five seconds longer each time",
    "access_denied": "The person refused",
    "expired_token": "The request has expired",
    "invalid_grant": "The request is unknown, spent or not yours",
}


def spend_polled(
    call: Call,
    caller: Authenticated,
    kind: Kind,
    secret: str,
    refresh_token: str | None,
    lives: Lives,
) -> Authorisation:
    """Return what a person agreed to, once; a poll costs one statement.

    Raises:
        ProtocolError: why there is nothing to give.
    """
    polled = poll(
        call.quick,
        kind=kind,
        secret=secret,
        client_id=caller.client.client_id,
        refresh_token=refresh_token,
        use=caller.use,
        confirmation=confirm_sender(call, caller.client),
        lives=lives,
        now=call.now,
    )
    if not polled.first_use:
        raise invalid_client("The client assertion was used before")
    if polled.authorisation is None:
        raise ProtocolError(polled.error, _SENTENCES[polled.error])
    return polled.authorisation
