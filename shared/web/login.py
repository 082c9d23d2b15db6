"""The doors of signing in: routes, dependencies for pages, and who the header says is here."""

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from shared.web.backchannel import make_backchannel_route
from shared.web.deps import NowDep, RuntimeDep, SessionDep, public
from shared.web.relying_party import RelyingParty, SignInRefused, WebSession

__all__ = [
    "MaybeSignedIn",
    "RelyingParty",
    "SignInNeeded",
    "SignInRefused",
    "SignedIn",
    "WebSession",
    "install_login",
    "login_of",
    "make_backchannel_route",
    "who_is_signed_in",
]


class SignInNeeded(Exception):  # noqa: N818 - an answer, not a fault: the door redirects
    """The page needs a signed-in person; they go to sign in and come back to it."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def make_login_router(relying_party: RelyingParty) -> APIRouter:
    """Return the routes ``/sign-in``, ``/callback`` and ``/sign-out`` of a relying party."""
    router = APIRouter(dependencies=[Depends(public)])

    @router.get("/sign-in")
    def sign_in(
        request: Request, session: SessionDep, now: NowDep, return_to: str = "/"
    ) -> Response:
        """Start to sign in and come back to ``return_to``."""
        return relying_party.start(session, request, now, return_to=return_to)

    @router.get("/callback")
    def callback(request: Request, now: NowDep, runtime: RuntimeDep) -> Response:
        """End a sign-in that began here; a person who said no goes back to where they were."""
        try:
            return relying_party.finish(request, runtime, now)
        except SignInRefused as refused:
            separator = "&" if "?" in refused.return_to else "?"
            query = urlencode({"sign_in": refused.code})
            return RedirectResponse(f"{refused.return_to}{separator}{query}", 303)

    @router.post("/sign-out")
    def sign_out(
        request: Request, session: SessionDep, now: NowDep, runtime: RuntimeDep
    ) -> Response:
        """End the session."""
        found = relying_party.find_session(session, request, runtime.sealer, now)
        return relying_party.sign_out(session, found)

    return router


def login_of(request: Request) -> RelyingParty:
    """Return the relying party that the pages app was given in ``app.state.login``."""
    relying_party: RelyingParty = request.app.state.login
    return relying_party


def find_web_session(request: Request, runtime: RuntimeDep, now: NowDep) -> WebSession | None:
    """Return who is signed in, None where nobody is; keeps the answer for the page's header.

    Reads in a transaction of its own, because the page may ask an outside party afterwards.
    """
    with runtime.database.transaction() as session:
        found = login_of(request).find_session(session, request, runtime.sealer, now)
    request.state.web_session = found
    return found


MaybeSignedIn = Annotated[WebSession | None, Depends(find_web_session)]


def signed_in(request: Request, found: MaybeSignedIn) -> WebSession:
    """Return who is signed in; sends everybody else to sign in and back to this page."""
    if found is None:
        prefix = login_of(request).sign_out_path.removesuffix("/sign-out")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        # A form that came too late leads back to the page it stood on; a referrer is a whole URL.
        form = urlsplit(request.headers.get("Referer", ""))
        page = f"{form.path}?{form.query}" if form.query else form.path
        back = here if request.method == "GET" else (page or prefix)
        raise SignInNeeded(f"{prefix}/sign-in?{urlencode({'return_to': back})}")
    return found


SignedIn = Annotated[WebSession, Depends(signed_in)]


def redirect_to_sign_in(_request: Request, needed: Exception) -> Response:
    """Answer :class:`SignInNeeded`; registered with the pages app."""
    location = needed.location if isinstance(needed, SignInNeeded) else "/"
    return RedirectResponse(location, 303)


def who_is_signed_in(request: Request) -> dict[str, object]:
    """Return the header's values for the page: who is signed in and where to sign out."""
    found: WebSession | None = getattr(request.state, "web_session", None)
    if found is None:
        return {"signed_in_as": None, "sign_out_url": None}
    return {
        "signed_in_as": found.display_name or "Signed in",
        "sign_out_url": login_of(request).sign_out_path,
    }


def install_login(app: FastAPI, relying_party: RelyingParty) -> None:
    """Give a pages app its relying party, its three routes and the redirect to sign-in."""
    app.state.login = relying_party
    app.include_router(make_login_router(relying_party))
    app.add_exception_handler(SignInNeeded, redirect_to_sign_in)
