"""How a person signed in, for steps that ask for a fresh sign-in with two factors."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.rules import SignIn
from shared.errors import Forbidden, Problem
from shared.web.login import SignedIn, WebSession

STEP_UP_PATH = "/payments/step-up"


def sign_in_of(web_session: WebSession) -> SignIn:
    """Return when and how a person signed in, from the claims of their ID token."""
    claims = web_session.claims
    at = claims.get("auth_time")
    methods = claims.get("amr")
    return SignIn(
        datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None,
        str(claims.get("acr") or ""),
        frozenset(str(method) for method in methods) if isinstance(methods, list) else frozenset(),
    )


def get_sign_in(web_session: SignedIn) -> SignIn:
    """Return how the person who is here signed in."""
    return sign_in_of(web_session)


def ask_again(
    session: Session, organisation: str, sign_in: SignIn, now: datetime, back: str
) -> Response | None:
    """Return the way to a fresh sign-in and back, where the body wants one and there is none."""
    if not steps_up_everywhere(session, organisation):
        return None
    try:
        check_step_up(sign_in, now)
    except Forbidden as problem:
        return lead_to_step_up(problem, back)
    return None


SignInDep = Annotated[SignIn, Depends(get_sign_in)]


def lead_to_step_up(problem: Problem, back: str) -> Response | None:
    """Return the way to a fresh sign-in and back, None where that is not what is missing."""
    if problem.code != "step_up_needed":
        return None
    return RedirectResponse(f"{STEP_UP_PATH}?{urlencode({'return_to': back})}", 303)
