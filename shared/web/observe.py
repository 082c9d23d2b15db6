"""One log line, one metric and one correlation id per request."""

import time

from opentelemetry import trace
from prometheus_client import Counter, Histogram
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import tracing
from shared.correlation import set_correlation_id
from shared.logs import get_logger
from shared.tracing import in_span

COOKIE = "correlation"
_COOKIE_START = b"correlation="
_SECONDS = Histogram(
    "clachan_http_request_seconds",
    "Time from request to the end of the answer",
    ["service", "method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_ERRORS = Counter("clachan_http_errors_total", "Answers of 500 and above", ["service"])
_SERVER_ERROR = 500
_QUIET = ("/health/", "/metrics", "/assets/")


class Observe:
    """Outermost ASGI middleware of every web process.

    The correlation id comes from the header that our own services send, else from the browser's
    cookie, else it is new; pages give it to the browser so that the next service sees it too.
    """

    def __init__(self, app: ASGIApp, *, service: str, secure: bool) -> None:
        self._app = app
        self._service = service
        self._secure = secure
        self._seconds: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and tell what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        known = _cookie(headers)
        given = headers.get(b"x-correlation-id", b"").decode("latin-1")
        story = set_correlation_id(given or known)
        scope.setdefault("state", {})["correlation_id"] = story
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(scope, message, known)
            await send(message)

        started = time.perf_counter()
        name = f"{scope['method']} {scope['path']}"
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        try:
            if tracing.is_on():
                with in_span(name, parent) as span:
                    await self._app(scope, receive, send_and_note)
                    span.set_attribute("http.response.status_code", status)
            else:
                await self._app(scope, receive, send_and_note)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    def _mark(self, scope: Scope, message: Message, known: str | None) -> None:
        story = scope["state"]["correlation_id"]
        added = [(b"x-correlation-id", story.encode())]
        is_page = any(
            name == b"content-type" and value.startswith(b"text/html")
            for name, value in message["headers"]
        )
        if (is_page or scope["state"].get("new_story")) and known != story:
            secure = "; Secure" if self._secure else ""
            cookie = f"{COOKIE}={story}; Path=/; HttpOnly; SameSite=Lax{secure}"
            added.append((b"set-cookie", cookie.encode()))
        message["headers"] = [*message["headers"], *added]

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        template = getattr(route, "path", "") or "unmatched"
        key = (scope["method"], template, status)
        seconds_of = self._seconds.get(key)
        if seconds_of is None:
            labels = (self._service, scope["method"], template, str(status))
            seconds_of = self._seconds[key] = _SECONDS.labels(*labels)
        seconds_of.observe(seconds)
        if status >= _SERVER_ERROR:
            _ERRORS.labels(self._service).inc()
        if scope["path"].startswith(_QUIET):
            return
        # The query is left out on purpose: it may carry codes, tokens and names.
        get_logger().info(
            "request.served",
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 1),
            correlation_id=scope["state"]["correlation_id"],
        )


def _cookie(headers: dict[bytes, bytes]) -> str | None:
    """Return the browser's correlation id; other cookies are not taken apart."""
    cookies = headers.get(b"cookie", b"")
    if _COOKIE_START not in cookies:
        return None
    return cookie_parser(cookies.decode("latin-1")).get(COOKIE)


def begin_story(scope: Scope, story: str) -> None:
    """Make a new correlation id the browser's own, where a story of its own begins."""
    scope.setdefault("state", {})["correlation_id"] = set_correlation_id(story)
    scope["state"]["new_story"] = True
    trace.get_current_span().set_attribute("clachan.correlation_id", story)
