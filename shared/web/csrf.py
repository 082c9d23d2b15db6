"""Forms prove that they came from our own pages.

A random cookie names the browser; the form carries an HMAC of it. Another site can make a browser
send the cookie but cannot know the HMAC. The ``Origin`` header, where sent, must be ours as well.
"""

import hmac
from collections.abc import AsyncIterator

from fastapi import Request

from shared.errors import Forbidden
from shared.web.deps import read_form
from shared.web.form_token import FIELD, cookie_name, token_for
from shared.web.runtime import runtime_of

_SAFE = {"GET", "HEAD", "OPTIONS"}


async def check_csrf(request: Request) -> AsyncIterator[None]:
    """Refuse an unsafe request whose form token does not belong to the browser's cookie.

    Closes the files of the form after the answer.
    """
    try:
        if request.method not in _SAFE:
            await _check(request)
        yield
    finally:
        for upload in getattr(getattr(request.state, "form", None), "files", {}).values():
            upload.file.close()


async def _check(request: Request) -> None:
    settings = runtime_of(request).settings
    origin = request.headers.get("Origin")
    # Our own forms always say where they stand; "null" is what a page that hides itself sends.
    if origin not in (None, settings.public_url):
        raise Forbidden("foreign_form", "This form was sent from another site")
    sent = (await read_form(request)).text(FIELD)
    cookie = request.cookies.get(cookie_name(secure=settings.secure_cookies), "")
    expected = token_for(cookie, settings.secret_key)
    if not hmac.compare_digest(sent, expected):
        raise Forbidden(
            "form_expired",
            "The page you sent had expired",
            detail="Go back, reload the page and send it again. Nothing was changed.",
        )
