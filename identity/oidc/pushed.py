"""A pushed request as it comes back with the browser (RFC 9126, section 4)."""

import json

from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.secured import find_pushed
from shared.crypto import hash_token

URN = "urn:ietf:params:oauth:request_uri:"


def open_pushed(call: Call, request_uri: str, client_id: str) -> tuple[bytes, Parameters]:
    """Return the hash and the parameters of a client's pushed request.

    Raises:
        ProtocolError: ``invalid_request_uri``: unknown, expired, spent, or another client's.
    """
    request_hash = hash_token(request_uri.removeprefix(URN))
    sealed = find_pushed(call.quick, request_hash, client_id, call.profile.name, call.now)
    if sealed is None:
        raise ProtocolError(
            "invalid_request_uri", "The pushed request is unknown, expired or was answered already"
        )
    pairs = json.loads(call.provider.sealer.open(sealed, request_hash))
    return request_hash, Parameters.of((name, value) for name, value in pairs)
