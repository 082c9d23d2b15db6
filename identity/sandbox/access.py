"""Fictitious sessions at the doors: the cookie of their own, and orders at an authorization."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.sandbox.actions import take_order
from identity.sandbox.faults import find_error
from identity.sandbox.personas import PERSONAS
from identity.sandbox.queries import get_persona, get_sandbox_session
from identity.signin import rules
from identity.signin.cookie import sandbox_cookie
from identity.signin.queries import SignedInSession
from shared.quick import Executor
from shared.web.runtime import runtime_of


def is_sandbox(environment: str) -> bool:
    """Tell whether a client signs fictitious people in."""
    return environment == "sandbox"


def sandbox_session(
    request: Request, session: Executor, space: str, now: datetime
) -> SignedInSession | None:
    """Return which fictitious person of this space is signed in in this browser."""
    name = sandbox_cookie(secure=runtime_of(request).settings.secure_cookies)
    return get_sandbox_session(session, request.cookies.get(name, ""), space, now)


def keep_sandbox_session(request: Request, response: Response, cookie: str) -> Response:
    """Give the browser the cookie of a fictitious session; that of a real one stays beside it."""
    secure = runtime_of(request).settings.secure_cookies
    response.set_cookie(
        sandbox_cookie(secure=secure),
        cookie,
        max_age=int(rules.SESSION_LIFE.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


def prepare(request: Request, draft: Draft) -> SignedInSession | None:
    """Take what a sandbox client ordered for this request; returns who is signed in for it.

    Raises:
        ProtocolError: that was the order.
    """
    call, client = draft.call, draft.known_client
    persona, faults = take_order(call.session, client.client_id, draft.state, call.now)
    hint = draft.params.get("login_hint")
    wanted = persona or (hint if hint in PERSONAS else None)
    draft.asked = replace(draft.asked, persona=wanted, faults=faults)
    if error := find_error(faults, "authorize"):
        raise ProtocolError(error, "The sandbox was asked to refuse this")
    found = sandbox_session(request, call.session, client.organisation, call.now)
    if found is None or wanted is None:
        return found
    return found if _is(call.session, found.account_id, client.organisation, draft) else None


def _is(session: Session, account_id: UUID, space: str, draft: Draft) -> bool:
    known = get_persona(session, account_id, space)
    return known is not None and known.id == draft.asked.persona
