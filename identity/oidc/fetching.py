"""Request objects at an address of the client, read before a transaction opens (RFC 9101, 5.2)."""

from dataclasses import dataclass
from urllib.parse import urldefrag

from identity.oidc.errors import ProtocolError
from identity.relying_parties.rules import RelyingParty
from shared.guarded_http import GuardedHttp, OutboundError

_MAXIMUM_LENGTH = 512
_ACCEPT = "application/oauth-authz-req+jwt, application/jwt"


@dataclass(frozen=True)
class Fetched:
    """A request object from outside, or why there is none."""

    token: str = ""
    refusal: str = ""

    def object_or_refusal(self) -> str:
        """Return the object; refuses with ``invalid_request_uri`` where there is none."""
        if self.refusal:
            raise ProtocolError("invalid_request_uri", self.refusal)
        return self.token


def fetch_object(outbound: GuardedHttp, client: RelyingParty, request_uri: str) -> Fetched:
    """Ask a registered address of the client for a request object.

    The fragment, which OpenID Connect uses as a version, is not part of the address.
    """
    address = urldefrag(request_uri).url
    registered = {urldefrag(one).url for one in client.options.request_uris}
    if len(request_uri) > _MAXIMUM_LENGTH or address not in registered:
        return Fetched(refusal="request_uri is not registered")
    try:
        answer = outbound.get(address, accept=_ACCEPT)
        return Fetched(token=answer.content.decode("ascii").strip())
    except (OutboundError, UnicodeDecodeError):
        return Fetched(refusal="request_uri could not be read")
