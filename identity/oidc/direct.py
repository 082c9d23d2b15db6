"""The busiest endpoints without FastAPI: the same functions, one hop into a thread, no more.

FastAPI moves into a thread and back for each dependency; that costs a token several times what its
signature does. Paths and methods are matched whole; everything else goes on to the apps behind.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

import psycopg
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from identity.oidc import endpoints
from identity.oidc.access import (
    Sent,
    find_signed_in,
    load_client_keys,
    read_parameters,
    refuse,
    sender_of,
)
from identity.oidc.errors import ProtocolError, unavailable
from identity.oidc.provider import Call, Issuer, Provider
from shared import clock
from shared.web.runtime import runtime_of

_THREADS = 12
Handler = Callable[[Request, Sent, Call], Response]


def _token(request: Request, sent: Sent, call: Call) -> Response:
    return endpoints.token(request, call, sent)


def _introspect(request: Request, sent: Sent, call: Call) -> Response:
    return endpoints.introspect(request, call, sent)


def _authorize(request: Request, sent: Sent, call: Call) -> Response:
    return endpoints.authorize(request, sent, call, find_signed_in(request, call.quick, call.now))


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("POST", "/token"): _token,
    ("POST", "/introspect"): _introspect,
    ("GET", "/authorize"): _authorize,
}


@dataclass(frozen=True)
class _Place:
    """Which handler of which issuer; ``path`` names the route in the metrics."""

    path: str
    handler: Handler
    issuer: Issuer
    app: FastAPI


class DirectEndpoints:
    """ASGI middleware that answers the busiest endpoints of every issuer itself."""

    def __init__(self, app: ASGIApp, provider: Provider, apps: Mapping[str, FastAPI]) -> None:
        self._app = app
        # Of our own: a hop costs half of what the framework's takes, and pages that hash
        # passwords cannot use these threads up.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="direct")
        self._provider = provider
        self._places = {
            (method, f"{issuer.profile.path}{path}"): _Place(
                path, handler, issuer, apps[issuer.profile.path]
            )
            for issuer in provider.issuers.values()
            for (method, path), handler in HANDLERS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or hand the request on."""
        place = None
        if scope["type"] == "http":
            place = self._places.get((scope["method"], scope["path"]))
        if place is None:
            await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = place.app, place
        response = await self._answer(place, Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, place: _Place, request: Request) -> Response:
        try:
            sent = await read_parameters(request)
            run = partial(copy_context().run, self._run, place, request, sent)
            return await get_running_loop().run_in_executor(self._threads, run)
        except ProtocolError as error:
            return refuse(error)
        except (psycopg.OperationalError, SQLAlchemyError):
            return refuse(unavailable())

    def _run(self, place: _Place, request: Request, sent: Sent) -> Response:
        database = runtime_of(request).database
        load_client_keys(request, sent)
        with ExitStack() as stack:
            call = Call(
                self._provider,
                place.issuer,
                lambda: stack.enter_context(database.transaction()),
                clock.now(),
                database.quick,
                sender_of(request, self._provider.settings),
            )
            return place.handler(request, sent, call)
