"""The client for calls between programs: bounded time, the story's id on every request."""

import ssl
from functools import lru_cache

import httpx
from opentelemetry import propagate

from shared.correlation import correlation_id


def _tell_story(request: httpx.Request) -> None:
    request.headers.setdefault("X-Correlation-Id", correlation_id())
    propagate.inject(request.headers)


@lru_cache
def _trust() -> ssl.SSLContext:
    """Return whom to trust, read once: the list of the system is long."""
    return httpx.create_ssl_context()


def make_http(timeout_seconds: float = 10.0, *, base_url: str = "") -> httpx.Client:
    """Return a client that follows no redirects, retries nothing, and gives up after the time-out.

    What to do about a failure is decided by the caller, who knows what may be repeated.
    """
    return httpx.Client(
        verify=_trust(),
        base_url=base_url,
        timeout=httpx.Timeout(timeout_seconds, connect=3.0),
        follow_redirects=False,
        event_hooks={"request": [_tell_story]},
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=5),
        headers={"User-Agent": "clachan/0.1"},
    )
