"""The door through which the provider ends sessions of our pages (Back-Channel Logout, 2.8).

It takes no cookie and no form token: a logout token signed by the provider is what opens it.
"""

from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import clock
from shared.errors import Problem
from shared.logs import get_logger
from shared.web.logout_token import end_sessions
from shared.web.relying_party import RelyingParty
from shared.web.runtime import Runtime

_MAXIMUM_BODY = 16_384
_NO_STORE = {"Cache-Control": "no-store"}


def make_backchannel_route(relying_party: RelyingParty, runtime: Runtime) -> Route:
    """Return the route that a process adds beside its apps; register its address with identity."""

    async def receive(request: Request) -> Response:
        """Read the form; asynchronous because Starlette reads bodies so."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAXIMUM_BODY:
                return _refuse(413, "The body is too large")
        tokens = parse_qs(body.decode(errors="replace")).get("logout_token", [])
        if len(tokens) != 1:
            return _refuse(400, "One logout_token is needed")
        return await run_in_threadpool(_end, relying_party, runtime, tokens[0])

    return Route(relying_party.backchannel_path, receive, methods=["POST"])


def _end(relying_party: RelyingParty, runtime: Runtime, token: str) -> Response:
    """Check the token, which may ask the provider for keys, then end sessions in a transaction."""
    now = clock.now()
    try:
        wanted = relying_party.read_logout_token(token, now)
        with runtime.database.transaction() as session:
            ended = end_sessions(session, wanted)
    except Problem as problem:
        return _refuse(problem.status, problem.title)
    get_logger().info("sessions.ended_by_provider", count=ended)
    return Response(status_code=200, headers=_NO_STORE)


def _refuse(status: int, description: str) -> Response:
    content = {"error": "invalid_request", "error_description": description}
    return JSONResponse(content, status, headers=_NO_STORE)
