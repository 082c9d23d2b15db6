"""One line of JSON per event on standard output, in the shape of the services' logs."""

import json
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_QUIET = ("/style.css", "/favicon.ico")


def tell(part: str, event: str, **facts: object) -> None:
    """Write an event of one simulator; facts that are empty are left out."""
    line = {"service": "simulators", "part": part, "event": event}
    known = {name: value for name, value in facts.items() if value not in ("", None)}
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    print(json.dumps(line | known | {"timestamp": at}), flush=True)


class TellRequests:
    """ASGI middleware: each request of a simulator is a line, without its query."""

    def __init__(self, app: ASGIApp, part: str) -> None:
        self._app = app
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and say what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            if not scope["path"].startswith(_QUIET):
                tell(
                    self._part,
                    "request.served",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    correlation_id=Headers(scope=scope).get("x-correlation-id", ""),
                )
