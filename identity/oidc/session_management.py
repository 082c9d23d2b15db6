"""OpenID Connect Session Management: https://openid.net/specs/openid-connect-session-1_0.html
Implemented: sections 2, 3.2 and 3.3 for clients that are registered with `session_state`.
Left out: nothing; browsers that block third parties' cookies tell every client "changed".
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import hmac
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from identity.oidc.rfc9207_answers import ClientAnswer
from shared.crypto import random_token

SCRIPT = (Path(__file__).parent / "check_session.js").read_bytes()
_SALT_BYTES = 12


def browser_state(session_id: UUID, salt: bytes) -> str:
    """Return what a browser's script may know of a session: nothing, but when it is another."""
    digest = hmac.new(salt, b"browser-state\0" + session_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def session_state(client_id: str, redirect_uri: str, state: str, salt: str) -> str:
    """Return what a client is told of the browser's state (section 3); the script makes the same.

    A redirect URI has an origin as browsers write it: without the scheme's own port.
    """
    content = f"{client_id} {_origin(redirect_uri)} {state} {salt}".encode()
    return f"{hashlib.sha256(content).hexdigest()}.{salt}"


def with_session_state(answer: ClientAnswer, client_id: str, state: str) -> ClientAnswer:
    """Return an answer that tells its client the state of the session."""
    told = session_state(client_id, answer.redirect_uri, state, random_token(_SALT_BYTES))
    return replace(answer, members=(*answer.members, ("session_state", told)))


def _origin(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    host = rest.split("/", 1)[0].split("?", 1)[0].lower()
    usual = {"https": ":443", "http": ":80"}.get(scheme, "")
    return f"{scheme}://{host.removesuffix(usual) if usual else host}"
