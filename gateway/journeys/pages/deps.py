"""What every page of an application needs: which one it is, and how far the person is."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from gateway.journeys import queries, route
from gateway.journeys.definition.phrases import Speaker
from gateway.journeys.definition.service import Page, Service
from gateway.journeys.dossier import Dossier
from gateway.journeys.queries import Instance
from gateway.journeys.route import Route
from shared.clock import london_date
from shared.crypto import Sealer, hash_token
from shared.errors import FieldError
from shared.web.language import load
from shared.web.login import login_of
from shared.web.observe import begin_story
from shared.web.pages import language_of
from shared.web.relying_party import WebSession
from shared.web.runtime import Runtime, runtime_of

BROWSER_COOKIE = "journey"


class Elsewhere(Exception):  # noqa: N818 - an answer, not a fault: the person goes on there
    """This page is not for now; the person is led to another one."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def lead_elsewhere(_request: Request, exception: Exception) -> Response:
    """Answer :class:`Elsewhere`; registered with the pages app."""
    location = exception.location if isinstance(exception, Elsewhere) else "/"
    return RedirectResponse(location, 303)


@dataclass(frozen=True)
class Words:
    """The reader's language: texts of the definition, and sentences of the pages."""

    speaker: Speaker

    @property
    def language(self) -> str:
        """Return the language's code."""
        return self.speaker.language

    def gettext(self, message: str) -> str:
        """Return a sentence of the pages in the reader's language."""
        translated: str = load(self.language).gettext(message)
        return translated


def words_for(request: Request) -> Words:
    """Return the language of the person who sent a request."""
    return Words(Speaker(language_of(request)))


@dataclass(frozen=True)
class Visit:
    """A person's application as one request sees it."""

    service: Service
    instance: Instance
    dossier: Dossier
    route: Route
    words: Words
    today: date

    def url(self, page: Page | None) -> str:
        """Return the address of a page; the end of the way is the task list."""
        return f"/journeys/{self.service.id}/{page.key if page else 'tasks'}"

    def page(self, key: str) -> Page:
        """Return a page the person may open; leads to the one that comes now from any other."""
        page = self.service.pages.get(key)
        if page is None or not self.route.reaches(page):
            raise Elsewhere(self.url(self.route.current))
        return page


def browser_hash(request: Request) -> bytes | None:
    """Return under what this browser's drafts are kept."""
    token = request.cookies.get(BROWSER_COOKIE)
    return hash_token(token) if token else None


def find_draft(
    request: Request, session: Session, service_id: str, subject: str | None, now: datetime
) -> Instance | None:
    """Return the draft that this person or this browser may open."""
    if subject is not None:
        own = queries.find_draft_of_person(session, service_id, subject, now)
        if own is not None:
            return own
    return find_anonymous_draft(request, session, service_id, now)


def find_anonymous_draft(
    request: Request, session: Session, service_id: str, now: datetime
) -> Instance | None:
    """Return the draft that was begun in this browser and belongs to nobody yet."""
    browser = browser_hash(request)
    if browser is None:
        return None
    found = queries.find_draft_of_browser(session, service_id, browser, now)
    return found if found is not None and found.subject is None else None


def waits_for_owner(request: Request, session: Session, service_id: str, now: datetime) -> bool:
    """Tell whether this browser began a draft whose owner is not signed in now."""
    browser = browser_hash(request)
    if browser is None:
        return False
    found = queries.find_draft_of_browser(session, service_id, browser, now)
    return found is not None and found.subject is not None


def open_visit(
    request: Request,
    session: Session,
    sealer: Sealer,
    service_id: str,
    subject: str | None,
    now: datetime,
) -> Visit:
    """Return the application that a page belongs to.

    Without one the person is led to the start page, or to sign in where their own waits. Who has
    sent one that stands against another is led to the start page, which says so.
    """
    found = find_draft(request, session, service_id, subject, now)
    if found is None:
        queries.get_current_service(session, service_id)
        if subject is None and waits_for_owner(request, session, service_id, now):
            raise Elsewhere(f"/journeys/sign-in?return_to={request.url.path}")
        raise Elsewhere(f"/journeys/{service_id}")
    begin_story(request.scope, found.correlation_id)
    visit = look_at(request, session, sealer, found, now)
    # Who has just come back from signing in is asked about too: what led here is undone with this,
    # so that their answers stay with the browser.
    if subject is not None and queries.find_counting_case(session, visit.service, subject, now):
        raise Elsewhere(f"/journeys/{service_id}")
    return visit


def look_at(
    request: Request, session: Session, sealer: Sealer, found: Instance, now: datetime
) -> Visit:
    """Return how far an application is."""
    service = queries.get_service(session, found.service_id, found.version)
    dossier, today = found.open(sealer), london_date(now)
    way = route.walk(service, dossier, today, is_signed_in=found.subject is not None)
    return Visit(service, found, dossier, way, words_for(request), today)


def render(
    request: Request,
    service: Service,
    template: str,
    *,
    status: int = 200,
    **values: Any,
) -> Response:
    """Return a page of a service, with the service's own name in the header."""
    words = words_for(request)
    definition = service.definition
    return runtime_of(request).pages.render(
        request,
        f"journeys/{template}",
        status=status,
        service_name=words.speaker.say(definition.title).plain,
        service_url=f"/journeys/{service.id}",
        title_text=words.speaker.say(definition.title),
        organisation_name=words.speaker.say(definition.organisation.name),
        support={
            "text": words.speaker.say(definition.support.text),
            "phone": definition.support.phone,
            "email": definition.support.email,
        },
        phase=definition.phase,
        slug=service.id,
        **values,
    )


def go(location: str) -> Response:
    """Lead the browser to a page after a form."""
    return RedirectResponse(location, 303)


def who(request: Request, session: Session, runtime: Runtime, now: datetime) -> WebSession | None:
    """Return who is signed in, within a transaction that the endpoint ends itself.

    For endpoints that call a neighbour between two transactions.
    """
    found = login_of(request).find_session(session, request, runtime.sealer, now)
    request.state.web_session = found
    return found


def next_url(visit: Visit, page: Page, *, is_change: bool) -> str:
    """Return where a person goes after a page: on within a step, else to the list of tasks."""
    current = visit.route.current
    if current is None or (is_change and current.kind == "review"):
        return visit.url(current)
    step = visit.service.step(page.step)
    stays = current.step == page.step or step.kind == "check"
    return visit.url(current) if stays else visit.url(None)


def back_url(visit: Visit, page: Page) -> str:
    """Return the page before a page."""
    pages = [*visit.route.done, visit.route.current]
    position = pages.index(page) if page in pages else 0
    before = pages[position - 1] if position > 0 else None
    if before is None:
        return f"/journeys/{visit.service.id}"
    stays = before.step == page.step or visit.service.step(page.step).kind in (
        "check",
        "sign_in",
        "verify",
    )
    return visit.url(before) if stays else visit.url(None)


def as_errors(faults: tuple[FieldError, ...]) -> dict[str, Any]:
    """Return refused fields as templates read them: by field, and as the summary's list."""
    return {
        "errors": {fault.field: fault.message for fault in reversed(faults)},
        "error_list": [{"field": fault.field, "message": fault.message} for fault in faults],
    }
