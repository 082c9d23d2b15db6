"""The form token: an HMAC of a cookie, written into every form while a page is rendered."""

import hashlib
import hmac
from contextvars import ContextVar

from markupsafe import Markup
from starlette.requests import Request

from shared.crypto import random_token

COOKIE = "csrf"
FIELD = "csrf_token"
_token: ContextVar[str] = ContextVar("csrf_token", default="")


def cookie_name(*, secure: bool) -> str:
    """Return the cookie's name; over https it is bound to the host, so no neighbour can set it."""
    return f"__Host-{COOKIE}" if secure else COOKIE


def cookie_value(request: Request, *, secure: bool) -> str:
    """Return the browser's cookie value, a new one where it has none yet."""
    kept: str | None = getattr(request.state, "csrf_cookie", None)
    if kept is None:
        kept = request.cookies.get(cookie_name(secure=secure)) or random_token(18)
        request.state.csrf_cookie = kept
    return kept


def token_for(cookie: str, secret: str) -> str:
    """Return the form token that belongs to a cookie value."""
    return hmac.new(secret.encode(), f"csrf:{cookie}".encode(), hashlib.sha256).hexdigest()


def set_token(token: str) -> None:
    """Set what ``csrf_input`` writes while the current page is rendered."""
    _token.set(token)


def csrf_input() -> Markup:
    """Return the hidden form field; a global of every template."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, _token.get())
