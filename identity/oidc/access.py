"""What the protocol's doors ask FastAPI for: parameters, the call, the browser's session."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from identity.oidc.client_names import is_signed, name_client, name_key
from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.fetching import Fetched, fetch_object
from identity.oidc.flows import find_flow_client
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call, Issuer, Provider
from identity.oidc.pushed import URN
from identity.oidc.refusals import claimed_client, is_worth_recording, record_refusal
from identity.oidc.rfc8705_mutual_tls import read_certificate
from identity.oidc.rfc9207_answers import ClientAnswer
from identity.oidc.rfc9449_dpop import make_nonce
from identity.oidc.sender import Sender
from identity.settings import IdentitySettings
from identity.signin.cookie import browser_cookie, session_cookie
from identity.signin.queries import SignedInSession, get_session
from shared import clock
from shared.crypto import random_token
from shared.logs import get_logger
from shared.quick import Executor
from shared.web.deps import NowDep, SessionDep
from shared.web.runtime import runtime_of

_MAXIMUM_BODY = 65_536
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BROWSER_SECONDS = 7 * 24 * 3600
_TOO_LARGE = 413


@dataclass(frozen=True)
class Sent:
    """The parameters of a request by where they stood."""

    query: Parameters
    form: Parameters
    is_form: bool

    def of_body(self) -> Parameters:
        """Return the body's parameters; refuses a body that is not a form."""
        if not self.is_form:
            raise ProtocolError("invalid_request", f"The body must be {_FORM}")
        return self.form


async def read_parameters(request: Request) -> Sent:
    """Read query and form; asynchronous because Starlette reads bodies so."""
    query = Parameters.of(parse_qsl(request.url.query, keep_blank_values=True))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAXIMUM_BODY:
            raise ProtocolError("invalid_request", "The body is too large", status=_TOO_LARGE)
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_form = kind == _FORM or not body
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True) if is_form else []
    form = Parameters.of(pairs)
    if not query.is_text() or not form.is_text():
        raise ProtocolError("invalid_request", "A parameter has a letter that no text may hold")
    sent = Sent(query, form, is_form)
    request.state.sent = sent
    return sent


def provider_of(request: Request) -> Provider:
    """Return the provider of this process."""
    provider: Provider = request.app.state.provider
    return provider


SentDep = Annotated[Sent, Depends(read_parameters)]
ProviderDep = Annotated[Provider, Depends(provider_of)]


def load_client_keys(request: Request, sent: SentDep) -> None:
    """Have the keys of the client at hand that it publishes itself, before a transaction opens.

    Nothing that is read here is believed: it only says whose keys will be needed.
    """
    params = sent.query.merged(sent.form)
    client_id = name_client(params, request.headers.get("Authorization"))
    if not client_id:
        return
    provider = provider_of(request)
    client = provider.clients.peek(client_id)
    if client is None:
        with runtime_of(request).database.transaction() as session:
            client = provider.clients.find(session, client_id)
    if client is not None and client.options.jwks_uri is not None:
        signed = is_signed(params)
        kid = name_key(params) if signed else None
        provider.remote_keys.load(client.options.jwks_uri, kid, signed=signed)


def load_flow_client_keys(request: Request, provider: ProviderDep, flow: str = "") -> None:
    """Have the keys at hand to which the answer of a flow may be encrypted.

    The flow may have begun in another process, which read them there.
    """
    with runtime_of(request).database.transaction() as session:
        client_id = find_flow_client(session, flow)
        client = provider.clients.find(session, client_id) if client_id else None
    if client is not None and client.options.jwks_uri is not None:
        provider.remote_keys.load(client.options.jwks_uri, None, signed=False)


FlowKeysDep = Annotated[None, Depends(load_flow_client_keys)]


def get_call(
    request: Request,
    _keys: Annotated[None, Depends(load_client_keys)],
    session: SessionDep,
    now: NowDep,
) -> Call:
    """Return who is asked, in which transaction and when."""
    provider = provider_of(request)
    issuer: Issuer = provider.issuers[request.app.state.profile]
    sender = sender_of(request, provider.settings)
    return Call(provider, issuer, session, now, sender=sender)


def sender_of(request: Request, settings: IdentitySettings) -> Sender:
    """Return what a request shows of the keys that its sender holds.

    A certificate counts only in the header that a setting names, and only in requests that the
    trusted proxy handed on: to those, and to no others, the server gives the port 0.
    """
    headers = request.headers
    proofs = tuple(headers.getlist("DPoP"))
    header = settings.client_certificate_header
    shown = headers.getlist(header) if header else []
    is_proxied = request.client is not None and request.client.port == 0
    if len(shown) > 1:
        raise invalid_client("Several client certificates were sent")
    certificate = read_certificate(shown[0]) if shown and is_proxied else None
    scheme = headers.get("Authorization", "").partition(" ")[0].lower()
    path = request.scope["route"].path
    return Sender(request.method, path, scheme, proofs, certificate)


def fetch_named_object(request: Request, call: Call, query: Parameters) -> Fetched | None:
    """Read the request object at an address of the client, before any transaction opens."""
    reference, client_id = query.get("request_uri"), query.get("client_id")
    if reference is None or client_id is None or reference.startswith(URN):
        return None
    if not call.profile.request_objects or call.profile.requires_pushed:
        return None
    with runtime_of(request).database.transaction() as session:
        client = call.provider.find_client(session, call.profile, client_id)
    if client is None:
        return None
    fetched = fetch_object(call.provider.outbound, client, reference)
    if fetched.token and client.options.jwks_uri is not None:
        kid = name_key(Parameters.of([("request", fetched.token)]))
        call.provider.remote_keys.load(client.options.jwks_uri, kid, signed=True)
    return fetched


CallDep = Annotated[Call, Depends(get_call)]


def find_signed_in(request: Request, session: Executor, now: datetime) -> SignedInSession | None:
    """Return the live session of this browser, None when nobody is signed in."""
    secure = runtime_of(request).settings.secure_cookies
    return get_session(session, request.cookies.get(session_cookie(secure=secure), ""), now)


def _signed_in(request: Request, session: SessionDep, now: NowDep) -> SignedInSession | None:
    return find_signed_in(request, session, now)


MaybeSignedIn = Annotated[SignedInSession | None, Depends(_signed_in)]


def browser_of(request: Request) -> str:
    """Return the value that names this browser, a new one where it has none yet."""
    secure = runtime_of(request).settings.secure_cookies
    return request.cookies.get(browser_cookie(secure=secure)) or random_token()


def keep_browser(request: Request, response: Response, browser: str) -> None:
    """Let the browser keep its name for as long as a flow lives."""
    secure = runtime_of(request).settings.secure_cookies
    response.set_cookie(
        browser_cookie(secure=secure),
        browser,
        max_age=_BROWSER_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def as_json(content: Mapping[str, object], *, status: int = 200) -> Response:
    """Return an answer for a program, which nobody may keep."""
    return JSONResponse(content, status, headers=_NO_STORE)


def with_nonce(call: Call, response: Response) -> Response:
    """Give a client that proves its key the nonce for its next proof (RFC 9449, section 8)."""
    if call.sender.proofs or call.profile.requires_dpop_nonce:
        nonce = make_nonce(call.provider.settings.secret_key, call.now)
        response.headers["DPoP-Nonce"] = nonce
    return response


class _Refusal(JSONResponse):
    """A refusal that is written down for the client's developers once it has left."""

    def __init__(self, error: ProtocolError, headers: Mapping[str, str]) -> None:
        super().__init__(error.as_json(), error.status, headers=headers)
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        await run_in_threadpool(_keep, Request(scope), self._error, "")


def _keep(request: Request, error: ProtocolError, client_id: str) -> None:
    sent: Sent | None = getattr(request.state, "sent", None)
    named = dict((*sent.query.pairs, *sent.form.pairs)) if sent else {}
    client_id = client_id or claimed_client(named, request.headers.get("Authorization"))
    endpoint = request.url.path.rpartition("/")[2]
    if not is_worth_recording(client_id, endpoint, error):
        return
    try:
        with runtime_of(request).database.transaction() as session:
            record_refusal(session, client_id, endpoint, error, clock.now())
    except SQLAlchemyError as failed:
        # The answer has left already and was right; only the console's list lacks a line.
        get_logger().warning("refusal.not_recorded", error=type(failed).__name__)


def as_json_or_jwt(content: Mapping[str, object] | str) -> Response:
    """Return an answer as JSON, or as the JWT that it was already made into."""
    if isinstance(content, str):
        return Response(content, headers=_NO_STORE, media_type="application/jwt")
    return as_json(content)


def refuse(error: ProtocolError) -> Response:
    """Return a refusal for a program (RFC 6749, section 5.2)."""
    headers = _NO_STORE | ({"WWW-Authenticate": error.challenge} if error.challenge else {})
    headers |= {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return _Refusal(error, headers)


def note_refusal(
    request: Request, response: Response, error: ProtocolError, client_id: str = ""
) -> Response:
    """Have a refusal written down once a redirect or page that tells of it has left."""
    response.background = BackgroundTask(_keep, request, error, client_id)
    return response


def refuse_on_page(request: Request, error: ProtocolError) -> Response:
    """Return a refusal that must not lead back to the client: a page, or JSON where asked for."""
    accept = request.headers.get("Accept", "")
    if "application/json" in accept and "text/html" not in accept:
        return refuse(error)
    page = runtime_of(request).pages.render(
        request,
        "oidc/error.html",
        status=error.status,
        error=error.error,
        description=error.description,
    )
    return note_refusal(request, page, error)


def refuse_for_now(request: Request, error: ProtocolError) -> Response:
    """Return the refusal of a visitor whose network began too many sign-ins."""
    page = runtime_of(request).pages.render(request, "oidc/wait.html", status=error.status)
    page.headers["Retry-After"] = str(error.retry_after)
    return page


def send_back(request: Request, answer: ClientAnswer) -> Response:
    """Send the browser back to the client, by redirect or by a form with a visible button."""
    if answer.response_mode == "form_post":
        scheme, _, rest = answer.redirect_uri.partition("://")
        page: HTMLResponse = runtime_of(request).pages.render(
            request,
            "oidc/form_post.html",
            form_action=[f"{scheme}://{rest.split('/', 1)[0]}"],
            redirect_uri=answer.redirect_uri,
            members=answer.members,
        )
        return page
    return RedirectResponse(answer.url, 302, headers=_NO_STORE)
