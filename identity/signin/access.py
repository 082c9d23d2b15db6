"""Who uses a page: the browser, its session, the flow it is on; and the cookies that say so."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import is_closing
from identity.accounts.settings import PeopleSettings, get_people_settings
from identity.accounts.vault import Vault, open_vault
from identity.oidc import flows
from identity.sandbox.queries import get_sandbox_session
from identity.signin import cookie, rules
from identity.signin.actions import SignedIn, Visitor, extend_session
from identity.signin.queries import SignedInSession, get_session
from shared.crypto import hash_token, random_token
from shared.errors import FieldError, Forbidden, NotFound
from shared.web.deps import NowDep, RuntimeDep
from shared.web.login import SignInNeeded
from shared.web.pages import language_of, wish_language
from shared.web.runtime import runtime_of

ACCOUNT_PATH = rules.ACCOUNT_PATH
SIGN_IN_PATH = "/identity/sign-in"
CLOSING_PATH = "/identity/account/closing"
CONFIRM_PATH = "/identity/confirm"
_BROWSER_DAYS = 400
_FLOW_DAYS = 7
_PAGE_SECONDS = 3600
_DAY_SECONDS = 86400
_DEVICE_LENGTH = 300
_SANDBOX_SPACE = text(
    """
    SELECT r.organisation FROM flow f JOIN relying_party r USING (client_id)
     WHERE f.id = :flow_id AND f.expires_at > :now AND r.options ->> 'environment' = 'sandbox'
    """
)


def _vault(runtime: RuntimeDep) -> Vault:
    return open_vault(runtime.database, runtime.sealer)


VaultDep = Annotated[Vault, Depends(_vault)]
PeopleSettingsDep = Annotated[PeopleSettings, Depends(get_people_settings)]


def session_cookie_of(request: Request) -> str:
    """Return the value of the session's cookie, empty where there is none."""
    name = cookie.session_cookie(secure=runtime_of(request).settings.secure_cookies)
    return request.cookies.get(name, "")


def get_optional_flow(
    request: Request, runtime: RuntimeDep, now: NowDep, flow: UUID | None = None
) -> flows.FlowView | None:
    """Return the flow that the address names, None when it names none; refuses an old one."""
    if flow is None:
        return None
    with runtime.database.transaction() as session:
        found = flows.get_flow(session, flow, now)
    wish_language(request, found.request.ui_locales)
    return found


FlowDep = Annotated[flows.FlowView | None, Depends(get_optional_flow)]


def visitor_of(request: Request, _flow: FlowDep) -> Visitor:
    """Return the browser that sends this request; a new one gets its cookie with the answer.

    The flow is read first, because it may wish for a language.
    """
    name = cookie.browser_cookie(secure=runtime_of(request).settings.secure_cookies)
    browser = request.cookies.get(name) or getattr(request.state, "browser", None) or random_token()
    request.state.browser = browser
    return Visitor(
        browser_hash=hash_token(browser),
        address=request.client.host if request.client else "",
        device=rules.device_name(request.headers.get("User-Agent", "")[:_DEVICE_LENGTH]),
        language=language_of(request),
        cookie=session_cookie_of(request),
    )


VisitorDep = Annotated[Visitor, Depends(visitor_of)]


def find_session(request: Request, runtime: RuntimeDep, now: NowDep) -> SignedInSession | None:
    """Return who is signed in in this browser, None where nobody is, and keep the session awake.

    In a transaction of its own: a page that then hashes a password or asks the provider must hold
    neither a connection nor the lock on the session's row.
    """
    with runtime.database.transaction() as session:
        found = _sandbox_session(request, session, now) or get_session(
            session, session_cookie_of(request), now
        )
        if found is not None:
            extend_session(session, found, now)
    return found


def _sandbox_session(request: Request, session: Session, now: datetime) -> SignedInSession | None:
    """Return the fictitious person on the flow of a sandbox client; nobody on any other page."""
    name = cookie.sandbox_cookie(secure=runtime_of(request).settings.secure_cookies)
    value, flow = request.cookies.get(name, ""), request.query_params.get("flow", "")
    if not value or not _is_uuid(flow):
        return None
    space = session.execute(_SANDBOX_SPACE, {"flow_id": flow, "now": now}).scalar_one_or_none()
    return get_sandbox_session(session, value, space, now) if space is not None else None


MaybeSessionDep = Annotated[SignedInSession | None, Depends(find_session)]


def signed_in(request: Request, found: MaybeSessionDep) -> SignedInSession:
    """Return who is signed in; sends everybody else to sign in, on the flow they were on."""
    if found is None:
        flow = request.query_params.get("flow", "")
        raise SignInNeeded(f"{SIGN_IN_PATH}?flow={flow}" if _is_uuid(flow) else SIGN_IN_PATH)
    return found


SignedInDep = Annotated[SignedInSession, Depends(signed_in)]


def fresh_sign_in(minutes: int) -> Callable[..., SignedInSession]:
    """Return a dependency that admits who proved to be themselves in the last minutes.

    For changes that a borrowed or stolen browser must not make: everybody else confirms who they
    are and comes back to the page; a form that came too late leads back to the page it stood on.
    """

    def require_fresh_sign_in(
        request: Request, person: SignedInDep, now: NowDep
    ) -> SignedInSession:
        if not rules.is_fresh(person.authenticated_at, minutes, now):
            raise SignInNeeded(f"{CONFIRM_PATH}?{urlencode({'next': _own_address(request)})}")
        return person

    return require_fresh_sign_in


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def get_own_flow(
    request: Request, runtime: RuntimeDep, now: NowDep, person: SignedInDep, flow: UUID
) -> flows.FlowView:
    """Return the flow that the address names, if the person who is signed in is on it.

    Raises:
        NotFound: it is not there any more.
        Forbidden: somebody else signed in on it.
    """
    with runtime.database.transaction() as session:
        found = flows.get_flow(session, flow, now)
    wish_language(request, found.request.ui_locales)
    if found.account_id != person.account_id:
        raise Forbidden(
            "flow_of_another",
            "Another person began this",
            detail="Go back to the service you came from and start again.",
        )
    return found


OwnFlowDep = Annotated[flows.FlowView, Depends(get_own_flow)]


def find_flow_to_return_to(
    request: Request, session: Session, now: datetime
) -> flows.FlowView | None:
    """Return the flow this browser was on last and has not finished, None when there is none."""
    name = cookie.flow_cookie(secure=runtime_of(request).settings.secure_cookies)
    kept = request.cookies.get(name, "")
    if not _is_uuid(kept):
        return None
    try:
        found = flows.get_flow(session, UUID(kept), now)
    except NotFound:
        return None
    return None if found.finished_at or found.error else found


def remember(request: Request, response: Response, flow: flows.FlowView | None) -> Response:
    """Give the browser the cookies that bind its attempts and lead it back to its flow."""
    secure = runtime_of(request).settings.secure_cookies
    browser: str = getattr(request.state, "browser", "")
    name = cookie.browser_cookie(secure=secure)
    if browser and request.cookies.get(name) != browser:
        _set(response, name, browser, secure=secure, seconds=_BROWSER_DAYS * _DAY_SECONDS)
    if flow is not None:
        name = cookie.flow_cookie(secure=secure)
        _set(response, name, str(flow.id), secure=secure, seconds=_FLOW_DAYS * _DAY_SECONDS)
    return response


def redirect_signed_in(
    request: Request,
    opened: SignedIn,
    flow: flows.FlowView | None,
    target: str = ACCOUNT_PATH,
    *,
    via: str = "",
) -> Response:
    """Lead a person who just signed in onwards, with the cookie of the new session.

    A flow goes on; without one they come to ``target``, a page of ours, which is by default the
    one that they wanted to see before. Before that comes ``via``, a page that leads on to both, and
    for an account that was closed the offer to keep it.
    """
    runtime = runtime_of(request)
    secure = runtime.settings.secure_cookies
    wanted = cookie.page_cookie(secure=secure)
    if target == ACCOUNT_PATH:
        target = rules.check_next(request.cookies.get(wanted, ""))
    with runtime.database.transaction() as session:
        if is_closing(session, opened.account_id):
            via = CLOSING_PATH
    onwards = flows.continue_url(flow.id) if flow else target
    response = RedirectResponse(with_flow(via, flow) if via else onwards, 303)
    seconds = int(rules.SESSION_LIFE.total_seconds())
    name = cookie.session_cookie(secure=secure)
    _set(response, name, opened.cookie, secure=secure, seconds=seconds)
    if wanted in request.cookies:
        response.delete_cookie(wanted, path="/", secure=secure, httponly=True, samesite="lax")
    return response


def send_to_sign_in(request: Request, needed: Exception) -> Response:
    """Answer ``SignInNeeded``, and remember the page of ours that the person wanted to see."""
    location = needed.location if isinstance(needed, SignInNeeded) else SIGN_IN_PATH
    response = RedirectResponse(location, 303)
    page = _own_address(request)
    if location == SIGN_IN_PATH and request.method == "GET" and page != ACCOUNT_PATH:
        secure = runtime_of(request).settings.secure_cookies
        name = cookie.page_cookie(secure=secure)
        _set(response, name, page, secure=secure, seconds=_PAGE_SECONDS)
    return response


def _own_address(request: Request) -> str:
    page, query = request.url.path, request.url.query
    return rules.check_next(f"{page}?{query}" if query else page)


def forget_session_cookie(request: Request, response: Response) -> Response:
    """Take the session's cookie away."""
    secure = runtime_of(request).settings.secure_cookies
    response.delete_cookie(
        cookie.session_cookie(secure=secure), path="/", secure=secure, httponly=True, samesite="lax"
    )
    return response


def _set(response: Response, name: str, value: str, *, secure: bool, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def with_flow(path: str, flow: flows.FlowView | None, **query: object) -> str:
    """Return an address of ours that stays on the flow."""
    pairs = [f"{name}={value}" for name, value in query.items()]
    if flow is not None:
        pairs.append(f"flow={flow.id}")
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def begin_values(flow: flows.FlowView | None) -> dict[str, str]:
    """Return what a form for signing in or up is filled with before anybody typed: the hint."""
    hint = flow.request.login_hint if flow is not None else None
    return {"email": hint} if hint and "@" in hint else {}


def show_page(
    request: Request,
    template: str,
    flow: flows.FlowView | None,
    *,
    faults: Sequence[FieldError] = (),
    status: int | None = None,
    **values: object,
) -> Response:
    """Return a page that may be on a flow: its forms may lead on to the service that asked.

    Faults make it 422 and come as ``errors`` by field and as ``error_list``.
    """
    page = runtime_of(request).pages.render(
        request,
        template,
        status=status or (422 if faults else 200),
        problem=None,
        form_action=(flow.return_origin,) if flow else (),
        flow_query=f"?flow={flow.id}" if flow else "",
        client_name=flow.client_name if flow else "",
        about_client=flow.about_client if flow else None,
        errors={fault.field: fault.message for fault in faults},
        error_list=faults,
        **values,
    )
    return remember(request, page, flow)
