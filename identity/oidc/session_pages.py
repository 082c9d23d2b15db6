"""How a session shows in the browser of a client: its state, and what signing out loads."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from identity.oidc.access import refuse, send_back
from identity.oidc.errors import PageError
from identity.oidc.frontchannel_logout import frame_sources, list_frames
from identity.oidc.jarm import secure_answer
from identity.oidc.provider import Call
from identity.oidc.rfc9207_answers import ClientAnswer
from identity.oidc.rpinitiated_logout import LogoutRequest
from identity.oidc.session_management import SCRIPT, browser_state, with_session_state
from identity.relying_parties.rules import RelyingParty
from identity.signin.actions import end_all_sessions, end_session
from identity.signin.cookie import state_cookie
from identity.signin.queries import SignedInSession
from identity.signin.rules import SESSION_LIFE
from shared.web.deps import public
from shared.web.runtime import runtime_of

SIGNED_OUT_PATH = "/identity/signed-out"
_FRAME_POLICY = "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors *"
_FRAME_PAGE = """\
<!DOCTYPE html>
<html lang="en" data-cookie="{cookie}">
<head><meta charset="utf-8"><title>Session</title><script src="check-session.js"></script></head>
<body></body>
</html>
"""

router = APIRouter(dependencies=[Depends(public)])


@router.get("/check-session")
def check_session(request: Request) -> Response:
    """Serve the page for clients' hidden frames; any client may show it, and it shows nothing."""
    cookie = state_cookie(secure=runtime_of(request).settings.secure_cookies)
    headers = {"Content-Security-Policy": _FRAME_POLICY, "Cache-Control": "public, max-age=300"}
    return HTMLResponse(_FRAME_PAGE.format(cookie=cookie), headers=headers)


@router.get("/check-session.js")
def check_session_script() -> Response:
    """Serve the one script of that page."""
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(SCRIPT, media_type="text/javascript", headers=headers)


def send_signed_in(
    request: Request,
    call: Call,
    client: RelyingParty,
    signed_in: SignedInSession | None,
    answer: ClientAnswer,
) -> Response:
    """Send the browser back with its answer, and with the session's state where that is wanted."""
    wanted = client.options.session_state and call.profile.browser_logout
    if signed_in is None or not wanted:
        return send_back(request, secure_answer(call, client.client_id, answer))
    state = browser_state(signed_in.id, call.keys.salt)
    told = with_session_state(answer, client.client_id, state)
    response = send_back(request, secure_answer(call, client.client_id, told))
    secure = runtime_of(request).settings.secure_cookies
    response.set_cookie(
        state_cookie(secure=secure),
        state,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        secure=secure,
        # The script reads it, in a frame on another site; it opens nothing.
        httponly=False,
        samesite="none" if secure else "lax",
    )
    return response


def finish_logout(
    request: Request, call: Call, wanted: LogoutRequest, signed_in: SignedInSession | None
) -> Response:
    """End the session, have clients' own pages loaded that asked for it, and lead the person on."""
    frames = list_frames(call, signed_in.id) if signed_in is not None else []
    if signed_in is not None and call.profile.logout_ends_all:
        end_all_sessions(call.session, signed_in.account_id, call.now)
    elif signed_in is not None:
        end_session(call.session, signed_in.account_id, signed_in.id, call.now, keep_offline=True)
    home = f"{call.provider.settings.public_url}{SIGNED_OUT_PATH}"
    response: Response
    if frames:
        request.state.frame_src = tuple(frame_sources(frames))
        response = runtime_of(request).pages.render(
            request,
            "oidc/frontchannel_logout.html",
            frames=frames,
            return_to=wanted.return_to or "",
            client_name=wanted.client.name if wanted.client else "",
        )
    else:
        response = RedirectResponse(
            wanted.return_to or home, 303 if request.method == "POST" else 302
        )
    forget_browser_state(request, response)
    return response


def forget_browser_state(request: Request, response: Response) -> None:
    """Let every client's frame see that the session is over."""
    secure = runtime_of(request).settings.secure_cookies
    name = state_cookie(secure=secure)
    if name in request.cookies:
        same_site = "none" if secure else "lax"
        response.delete_cookie(name, path="/", secure=secure, samesite=same_site)  # type: ignore[arg-type]  # lax or none, as the caller chose


def refuse_logout(request: Request, error: PageError) -> Response:
    """Say on a page of fixed words that a request to sign out is not good."""
    accept = request.headers.get("Accept", "")
    if "application/json" in accept and "text/html" not in accept:
        return refuse(error)
    return runtime_of(request).pages.render(
        request,
        "oidc/logout_error.html",
        status=error.status,
        error=error.error,
        description=error.description,
    )
