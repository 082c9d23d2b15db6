"""RFC 9207, issuer identification: https://www.rfc-editor.org/rfc/rfc9207
Implemented: sections 2 and 2.4: `iss` in every answer of the authorization endpoint, errors too.
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from identity.oidc.errors import ProtocolError


@dataclass(frozen=True)
class ClientAnswer:
    """What is sent back to a client through the browser: by redirect, or by a form to confirm."""

    redirect_uri: str
    response_mode: str
    members: tuple[tuple[str, str], ...]

    @property
    def url(self) -> str:
        """The redirect URI with the answer in query or fragment; a query it had stays (S9)."""
        if self.response_mode == "fragment":
            separator = "#"
        else:
            separator = "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{separator}{urlencode(self.members, quote_via=quote)}"


def answer_with(
    redirect_uri: str,
    response_mode: str,
    members: Mapping[str, str],
    *,
    state: str | None,
    issuer: str,
) -> ClientAnswer:
    """Return the answer that carries a code, tokens or both (RFC 6749, section 4.1.2)."""
    return _answer(redirect_uri, response_mode, members, state, issuer)


def answer_with_error(
    redirect_uri: str, response_mode: str, error: ProtocolError, *, state: str | None, issuer: str
) -> ClientAnswer:
    """Return the answer that carries a refusal (RFC 6749, section 4.1.2.1)."""
    return _answer(redirect_uri, response_mode, error.as_json(), state, issuer)


def _answer(
    redirect_uri: str,
    response_mode: str,
    members: Mapping[str, str],
    state: str | None,
    issuer: str,
) -> ClientAnswer:
    last = {"iss": issuer} if state is None else {"state": state, "iss": issuer}
    return ClientAnswer(redirect_uri, response_mode, tuple({**members, **last}.items()))
