"""Headers that every answer carries; no inline script or style is ever allowed."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIXED = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self'"
)
_CSP = b"content-security-policy"
_FRAMED = b"x-frame-options"
_PLAIN_POLICY = _POLICY.encode()


class SecurityHeaders:
    """ASGI middleware; a page names further form targets through ``request.state.form_action``.

    The frames that it loads stand in ``request.state.frame_src``. A page with a policy of its own
    decides itself who may frame it.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        hsts = {b"strict-transport-security": b"max-age=31536000; includeSubDomains"}
        self._fixed = tuple((_FIXED | (hsts if https else {})).items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers when the answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                targets = scope.get("state", {}).get("form_action", ())
                policy = " ".join((_POLICY, *targets)).encode() if targets else _PLAIN_POLICY
                frames = scope.get("state", {}).get("frame_src", ())
                if frames:
                    policy += " ".join(("; frame-src", *frames)).encode()
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        pair
                        for pair in self._fixed
                        if pair[0] not in present and not (pair[0] == _FRAMED and _CSP in present)
                    ),
                    *(() if _CSP in present else ((_CSP, policy),)),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)
