"""RFC 7636, Proof Key for Code Exchange: https://www.rfc-editor.org/rfc/rfc7636
Implemented: sections 4.1 to 4.6 with S256.
Left out: the method `plain`, which protects from less.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import re

from identity.oidc.errors import ProtocolError

METHODS = ("S256",)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def check_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """Return the challenge of a request; refuses its absence where required, and any but S256."""
    if challenge is None:
        if required or method is not None:
            raise ProtocolError("invalid_request", "Required PKCE method(s): S256")
        return None
    if method != "S256":
        raise ProtocolError("invalid_request", "Required PKCE method(s): S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise ProtocolError("invalid_request", "code_challenge is not a SHA-256 in base64url")
    return challenge


def challenge_of(verifier: str | None) -> str | None:
    """Return the S256 challenge of a verifier; refuses one outside section 4.1."""
    if verifier is None:
        return None
    if not _VERIFIER.fullmatch(verifier):
        raise ProtocolError("invalid_grant", "code_verifier must have 43 to 128 unreserved letters")
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
