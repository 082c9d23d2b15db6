"""The start page of a service, beginning and dropping an application, the task list."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from gateway.journeys import queries
from gateway.journeys.actions import drafts
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Service
from gateway.journeys.pages import tasks_view
from gateway.journeys.pages.deps import (
    BROWSER_COOKIE,
    browser_hash,
    find_draft,
    go,
    look_at,
    open_visit,
    render,
    waits_for_owner,
    words_for,
)
from gateway.journeys.queries import Instance
from shared.clock import london_date
from shared.crypto import hash_token, random_token
from shared.ids import new_id
from shared.web.deps import NowDep, RuntimeDep, SealerDep, SessionDep, public
from shared.web.login import MaybeSignedIn
from shared.web.observe import begin_story
from shared.web.pages import language_of

router = APIRouter(dependencies=[Depends(public)])


@router.get("/journeys/")
def leave() -> Response:
    """Lead to the front page: people arrive here after they have signed out."""
    return RedirectResponse("/", 303)


@router.get("/journeys/sign-out")
def ask_to_sign_out(request: Request, runtime: RuntimeDep, found: MaybeSignedIn) -> Response:
    """Ask whether the person wants to sign out: a link must not do it, a form may."""
    if found is None:
        return go("/")
    return runtime.pages.render(request, "journeys/sign_out.html")


@router.get("/journeys/{service_id}")
def show_start(
    service_id: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Show what a service is for and what the person needs."""
    service = queries.get_current_service(session, service_id)
    subject = found.subject if found else None
    draft = find_draft(request, session, service_id, subject, now)
    visit = look_at(request, session, sealer, draft, now) if draft else None
    rules = service if visit is None else visit.service
    counts = queries.find_counting_case(session, rules, subject, now) if subject else None
    sent = queries.find_latest_case(session, service_id, subject) if subject else None
    waits = subject is None and waits_for_owner(request, session, service_id, now)
    return render(
        request,
        service,
        "start.html",
        start=_start_values(request, service),
        continue_url=None if visit is None else visit.url(visit.route.current),
        expires_at=None if visit is None else visit.instance.expires_at,
        waits_for_owner=waits,
        sent_reference=None if sent is None else sent.reference,
        counts=None if counts is None else _counting_values(session, rules, counts, now),
    )


def _counting_values(
    session: Session, service: Service, case: Instance, now: datetime
) -> dict[str, object]:
    once = service.definition.once
    period = None if once is None else once.period_of(london_date(now))
    return {
        "reference": case.reference,
        "is_awarded": any(e.move == "award" for e in queries.list_events(session, case.id)),
        "again_from": None if period is None else period[1],
    }


def _start_values(request: Request, service: Service) -> dict[str, object]:
    say = words_for(request).speaker.say
    definition = service.definition
    start = next(step for step in definition.steps if isinstance(step, model.Start))
    checks = any(isinstance(step, model.Check) for step in definition.steps)
    return {
        "summary": say(definition.summary),
        "needs": [say(need) for need in start.needs],
        "time": say(start.time),
        "cost": say(start.cost),
        "other_ways": say(start.other_ways),
        "checks_first": checks,
        "data_protection": say(definition.data_protection.text),
        "data_protection_reference": definition.data_protection.reference,
        "legal_basis": say(definition.legal_basis.text),
        "legal_basis_reference": definition.legal_basis.reference,
    }


@router.post("/journeys/{service_id}")
def begin(
    service_id: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    runtime: RuntimeDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Begin an application, or go on with the one that is there."""
    service = queries.get_current_service(session, service_id)
    subject = found.subject if found else None
    held = find_draft(request, session, service_id, subject, now)
    if (
        held is None
        and subject is not None
        and queries.find_counting_case(session, service, subject, now)
    ):
        return go(f"/journeys/{service_id}")
    token = request.cookies.get(BROWSER_COOKIE, "")
    if held is None:
        story = str(new_id())
        begin_story(request.scope, story)
        browser = browser_hash(request)
        taken = browser is not None and queries.find_draft_of_browser(
            session, service_id, browser, now, even_expired=True
        )
        if not token or taken:
            token = random_token()
        held = drafts.begin(
            session,
            sealer,
            service,
            subject=subject,
            browser_hash=hash_token(token),
            correlation_id=story,
            language=language_of(request),
            now=now,
        )
    visit = look_at(request, session, sealer, held, now)
    response = go(visit.url(visit.route.current))
    response.set_cookie(
        BROWSER_COOKIE,
        token,
        max_age=service.definition.retention.abandoned_days * 86400,
        path="/journeys",
        secure=runtime.settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return response


@router.post("/journeys/{service_id}/discard")
def discard(
    service_id: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Drop the unfinished application; without one nothing changes."""
    held = find_draft(request, session, service_id, found.subject if found else None, now)
    if held is not None:
        drafts.discard(session, sealer, held.id, now)
    return go(f"/journeys/{service_id}")


@router.get("/journeys/{service_id}/tasks")
def show_tasks(
    service_id: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Show how far the application is."""
    subject = found.subject if found else None
    visit = open_visit(request, session, sealer, service_id, subject, now)
    return render(
        request,
        visit.service,
        "tasks.html",
        tasks=tasks_view.tasks_of(visit),
        continue_url=visit.url(visit.route.current),
        expires_at=visit.instance.expires_at,
        is_signed_in=visit.instance.subject is not None,
    )
