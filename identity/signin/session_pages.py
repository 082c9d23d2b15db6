"""The page that lists where a person is signed in and ends sessions."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.signin import actions, rules
from identity.signin.access import SignedInDep, forget_session_cookie
from identity.signin.queries import list_sessions
from shared.errors import NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()


@router.get("/account/sessions")
def show_sessions(
    request: Request, runtime: RuntimeDep, session: SessionDep, now: NowDep, person: SignedInDep
) -> Response:
    """List the person's live sessions, this one named."""
    return runtime.pages.render(
        request,
        "signin/sessions.html",
        sign_out_url="/identity/sign-out",
        ended=request.query_params.get("ended", ""),
        sessions=[
            {
                "id": str(live.id),
                "device": live.device,
                "signed_in_at": live.started_at,
                "level": live.level,
                "ways": rules.name_factors(live.factors),
                "last_seen_at": live.last_seen_at,
                "is_this": live.id == person.id,
            }
            for live in list_sessions(session, person.account_id, now)
        ],
    )


@router.post("/account/sessions")
def end_session(
    request: Request, form: FormDep, session: SessionDep, now: NowDep, person: SignedInDep
) -> Response:
    """End one session of the person's own; one that ended already stays so."""
    try:
        ended = UUID(form.text("session"))
    except ValueError as error:
        raise NotFound("session_unknown", "There is no such session") from error
    actions.end_session(session, person.account_id, ended, now)
    if ended == person.id:
        return forget_session_cookie(request, RedirectResponse("/identity/sign-out", 303))
    return RedirectResponse("/identity/account/sessions?ended=yes", 303)


@router.post("/account/sessions/others")
def end_others(session: SessionDep, now: NowDep, person: SignedInDep) -> Response:
    """End every session of the person's own but the one they use."""
    actions.end_other_sessions(session, person.account_id, person.id, now)
    return RedirectResponse("/identity/account/sessions?ended=others", 303)
