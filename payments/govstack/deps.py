"""What the GovStack doors ask FastAPI for: the body as it was sent, who calls, for which body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import JSONResponse

from payments.govstack.rules import UNREADABLE, read_json
from payments.payees.deps import settings_of
from shared.actors import Actor
from shared.errors import Forbidden
from shared.web.deps import require_scope

SCOPE = "payments.govstack"
MAXIMUM_BODY_BYTES = 20_000_000
_MEDIA_TYPE = "application/json; charset=utf-8"
_OPEN_CALLER = "govstack-sandbox"
# Set by Envoy's open listener, taken away by its public one.
_LISTENER = "X-Clachan-Listener"
# Published texts and known callers spell them in several ways.
_CALLBACK = ("X-Callback-URL", "X-CallbackURL")
_CORRELATION = ("X-CorrelationID", "X-Client-Correlation-ID")


class RefusalError(Exception):
    """A refusal in the words and with the status of a shape; nothing of its request is kept."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class GovStackCaller:
    """Who calls, for which public body, and whether it is only a rehearsal's open listener."""

    actor: Actor
    organisation: str
    is_open: bool
    callback_url: str
    correlation: str
    programme: str


def require_caller(request: Request) -> GovStackCaller:
    """Admit everybody at the open listener, elsewhere callers whose token has our scope.

    Raises:
        Unauthorised: no good access token (401).
        Forbidden: the token lacks the scope, or its client acts for no body here (403).
    """
    settings = settings_of(request)
    came_open = request.headers.get(_LISTENER) == "govstack"
    if came_open and settings.govstack_open_body:
        actor = Actor("service", _OPEN_CALLER, name=_OPEN_CALLER)
        return _caller(request, actor, settings.govstack_open_body, is_open=True)
    caller = require_scope(SCOPE)(request)
    if not caller.organisation or caller.is_platform:
        raise Forbidden("client_without_body", "This client acts for no public body here")
    return _caller(request, caller.actor, caller.organisation, is_open=False)


def _caller(request: Request, actor: Actor, organisation: str, *, is_open: bool) -> GovStackCaller:
    headers = request.headers
    return GovStackCaller(
        actor,
        organisation,
        is_open,
        _first(headers, _CALLBACK),
        _first(headers, _CORRELATION),
        headers.get("X-Program-Id", "") or settings_of(request).govstack_programme,
    )


def _first(headers: Mapping[str, str], names: Sequence[str]) -> str:
    return next((found for name in names if (found := headers.get(name, ""))), "")


CallerDep = Annotated[GovStackCaller, Depends(require_caller)]


async def read_body(request: Request) -> object:
    """Return the JSON value that was sent, or ``UNREADABLE``.

    Asynchronous because Starlette reads bodies so, and nothing else here.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAXIMUM_BODY_BYTES:
            return UNREADABLE
    return read_json(bytes(content))


BodyDep = Annotated[object, Depends(read_body)]


def answer(body: object, status: int = 200) -> JSONResponse:
    """Return a JSON answer with the media type that known callers compare letter by letter."""
    return JSONResponse(body, status, media_type=_MEDIA_TYPE)
