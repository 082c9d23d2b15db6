"""The API as programs call it; the token `client@body:scope` is signed by nobody here."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from shared.errors import Unauthorised
from shared.tokens import Claims


class _Tokens:
    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        client, _, organisation = client.partition("@")
        payload = {"organisation": organisation or "clachan"}
        return Claims(client, client, frozenset(scope.split("+")), payload)


@contextmanager
def open_api(app: Starlette) -> Iterator[TestClient]:
    """Give a client of the service's API."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = _Tokens()
    with TestClient(app) as client:
        yield client
