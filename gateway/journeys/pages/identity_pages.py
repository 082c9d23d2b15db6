"""Signing in and proving who one is, as pages of an application."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.journeys import queries
from gateway.journeys.actions import drafts
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page
from gateway.journeys.pages.deps import (
    Elsewhere,
    Visit,
    as_errors,
    back_url,
    find_anonymous_draft,
    go,
    look_at,
    render,
)
from gateway.journeys.route import verified_by
from gateway.journeys.scotaccount import AttributeSource, take_over
from shared.crypto import Sealer
from shared.errors import Problem
from shared.web.login import login_of
from shared.web.observe import begin_story
from shared.web.relying_party import WebSession
from shared.web.runtime import Runtime

_SIGN_IN_ANSWER = "sign_in"


def source_of(request: Request) -> AttributeSource:
    """Return the source of verified attributes that the pages app was given."""
    source: AttributeSource = request.app.state.attribute_source
    return source


def claim_draft(
    request: Request,
    session: Session,
    sealer: Sealer,
    service_id: str,
    page_key: str,
    found: WebSession,
    now: datetime,
) -> None:
    """Make the draft of this browser the own one of the person who comes back from signing in.

    Elsewhere than at the page that asks to sign in nothing is taken over.
    """
    held = find_anonymous_draft(request, session, service_id, now)
    if held is None:
        return
    service = queries.get_service(session, held.service_id, held.version)
    page = service.pages.get(page_key)
    if page is not None and page.kind == "sign_in":
        begin_story(request.scope, held.correlation_id)
        drafts.claim(session, sealer, held.id, found.subject, now)


def show_sign_in(request: Request, visit: Visit, page: Page) -> Response:
    """Explain the sign-in; a person who has signed in goes on."""
    if visit.instance.subject is not None:
        return go(visit.url(None))
    step = visit.service.step(page.step)
    if not isinstance(step, model.SignIn):
        raise TypeError(f"{page.step} signs nobody in")
    return render(
        request,
        visit.service,
        "sign_in.html",
        heading=visit.words.speaker.say(step.title),
        explain=visit.words.speaker.say(step.explain),
        sign_in_href=f"/journeys/sign-in?return_to={visit.url(page)}",
        was_refused=_SIGN_IN_ANSWER in request.query_params,
        expires_at=visit.instance.expires_at,
        back_href=back_url(visit, page),
    )


def show_verify(request: Request, visit: Visit, page: Page) -> Response:
    """Explain the proof of identity, or how the last attempt ended and what can be done."""
    step, words = _verify_step(visit, page), visit.words
    was_refused = _SIGN_IN_ANSWER in request.query_params
    wanted = verified_by(visit.service, step.scopes)
    lacking = [
        name
        for name in wanted
        if name not in visit.dossier.answers or visit.dossier.answers[name].source != "verified"
    ]
    outcome = "declined" if was_refused else visit.dossier.verification
    return render(
        request,
        visit.service,
        "verify.html",
        heading=words.speaker.say(step.title),
        explain=words.speaker.say(step.explain),
        other_ways=words.speaker.say(step.other_ways),
        shared=[words.speaker.say(visit.service.attribute(name).label) for name in wanted],
        lacking=[words.speaker.say(visit.service.attribute(name).label) for name in lacking],
        outcome=outcome,
        back_href=back_url(visit, page),
        **as_errors(()),
    )


def send_verify(
    request: Request, session: Session, visit: Visit, page: Page, now: datetime
) -> Response:
    """Send the person to prove who they are and to choose what to share."""
    step = _verify_step(visit, page)
    return login_of(request).start(
        session,
        request,
        now,
        return_to=f"{visit.url(page)}/return",
        scope=" ".join(("openid", *step.scopes)),
    )


def return_from_verify(
    request: Request, runtime: Runtime, visit: Visit, page: Page, found: WebSession, now: datetime
) -> Response:
    """Fetch what the person shared and keep it; doing it again keeps the same.

    No transaction is open while the issuer is asked.
    """
    step = _verify_step(visit, page)
    if _SIGN_IN_ANSWER in request.query_params:
        raise Elsewhere(f"{visit.url(page)}?{_SIGN_IN_ANSWER}=refused")
    granted = set(found.scope.split())
    if not granted.intersection(step.scopes) or found.access_token_expires_at <= now.timestamp():
        raise Elsewhere(visit.url(page))
    items = source_of(request).fetch(found.access_token, found.subject)
    verified = take_over(visit.service, step.scopes, items)
    with runtime.database.transaction() as session:
        held = drafts.keep_verified(
            session,
            runtime.sealer,
            visit.instance.id,
            page.step,
            verified.answers,
            verified.outcome,
            now,
        )
        after = look_at(request, session, runtime.sealer, held, now)
    current = after.route.current
    is_here = current is not None and current.key == page.key
    return go(after.url(page if is_here else None))


def _verify_step(visit: Visit, page: Page) -> model.Verify:
    step = visit.service.step(page.step)
    if not isinstance(step, model.Verify):
        raise Problem("not_a_proof", "Page not found", status=404)
    return step
