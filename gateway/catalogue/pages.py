"""Pages of the catalogue: home, search, services, organisations. Open to everybody."""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, JSONResponse

from gateway.catalogue.linked_data import government_service
from gateway.catalogue.queries import (
    Body,
    ServicePage,
    get_organisation,
    get_service,
    list_organisations,
)
from gateway.catalogue.reference import life_events
from gateway.catalogue.search import Found, search_entries, suggest_queries
from shared.errors import NotFound
from shared.web.deps import RuntimeDep, SessionDep, public
from shared.web.pages import language_of, translate

router = APIRouter(dependencies=[Depends(public)])

_POPULAR = 6
_NEIGHBOURS = 2
_SLUG = re.compile(r"[A-Za-z0-9-]{1,64}")
FilterText = Annotated[str, Query(pattern=r"^[A-Za-z0-9-]{0,64}$")]
PageNumber = Annotated[int, Query(ge=1, le=1_000)]


def known_slug(slug: Annotated[str, Path()]) -> str:
    """The slug of the path; what cannot be one is not found."""
    if not _SLUG.fullmatch(slug):
        raise NotFound("not_found", "Page not found")
    return slug


SlugDep = Annotated[str, Depends(known_slug)]


@router.get("/")
def show_home(request: Request, runtime: RuntimeDep, session: SessionDep) -> HTMLResponse:
    """Search box, life events, and the services that are used most."""
    language = language_of(request)
    popular = search_entries(session, "", per_page=_POPULAR, language=language)
    return runtime.pages.render(
        request, "catalogue/home.html", popular=popular.entries, life_events=_events(language)
    )


@router.get("/search")
def show_search(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    q: str = "",
    page: PageNumber = 1,
    organisation: FilterText = "",
    life_event: FilterText = "",
) -> HTMLResponse:
    """Results with filters and pages, or suggestions where there are none."""
    language = language_of(request)
    query = q.strip().replace("\x00", "")
    found = search_entries(
        session,
        query,
        page=page,
        organisation=organisation or None,
        life_event=life_event or None,
        language=language,
    )
    filters = {"q": query, "organisation": organisation, "life_event": life_event}
    return runtime.pages.render(
        request,
        "catalogue/search.html",
        query=query,
        found=found,
        pagination=_pagination(found, filters),
        suggestions=() if found.total else suggest_queries(session, query),
        organisations=list_organisations(session, language),
        organisation=organisation,
        life_events=_events(language),
        life_event=life_event,
    )


@router.get("/services/{slug}.jsonld")
def show_linked_data(runtime: RuntimeDep, session: SessionDep, slug: SlugDep) -> JSONResponse:
    """The service as a schema.org GovernmentService: search engines read it by the page's link."""
    service = get_service(session, slug, "en")
    content = government_service(service, runtime.settings.public_url)
    return JSONResponse(content, media_type="application/ld+json")


@router.get("/services/{slug}")
def show_service(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    slug: SlugDep,
    council: FilterText | None = None,
) -> HTMLResponse:
    """One service; where every council supplies it, the person chooses theirs first."""
    language = language_of(request)
    service = get_service(session, slug, language)
    by_council = service.listing.organisation is None
    councils = _councils(list_organisations(session, language)) if by_council else ()
    error = by_council and council == ""
    return runtime.pages.render(
        request,
        "catalogue/service.html",
        status=422 if error else 200,
        service=service,
        start_url=_start_url(service),
        councils=councils,
        council=get_organisation(session, council, language) if by_council and council else None,
        council_error=translate("Choose your council") if error else "",
        life_events=[e for e in _events(language) if e["slug"] in service.life_events],
    )


@router.get("/organisations")
def show_organisations(request: Request, runtime: RuntimeDep, session: SessionDep) -> HTMLResponse:
    """Every council and body."""
    bodies = list_organisations(session, language_of(request))
    return runtime.pages.render(
        request,
        "catalogue/organisations.html",
        councils=_councils(bodies),
        others=[body for body in bodies if body not in _councils(bodies)],
    )


@router.get("/organisations/{slug}")
def show_organisation(
    request: Request, runtime: RuntimeDep, session: SessionDep, slug: SlugDep
) -> HTMLResponse:
    """One council or body, with its codes and what it supplies."""
    language = language_of(request)
    body = get_organisation(session, slug, language)
    found = search_entries(
        session, "", organisation=body.slug, per_page=_POPULAR, language=language
    )
    return runtime.pages.render(request, "catalogue/organisation.html", body=body, found=found)


def _councils(bodies: tuple[Body, ...]) -> tuple[Body, ...]:
    return tuple(body for body in bodies if body.kind == "council" and not body.fictitious)


def _events(language: str) -> list[dict[str, str]]:
    gaelic = language == "gd"
    return [
        {"slug": event.slug, "name": event.name_gd if gaelic else event.name_en}
        for event in life_events().values()
    ]


def _start_url(service: ServicePage) -> str:
    return f"/journeys/{service.journey_id}" if service.journey_id else ""


def _pagination(found: Found, filters: dict[str, str]) -> dict[str, object] | None:
    """What the pagination component takes; None where one page holds everything."""
    if found.pages == 1:
        return None

    def link(number: int) -> dict[str, object]:
        kept = {name: value for name, value in filters.items() if value}
        return {"number": number, "href": f"/search?{urlencode({**kept, 'page': number})}"}

    shown = [
        number
        for number in range(1, found.pages + 1)
        if number in {1, found.pages} or abs(number - found.page) <= _NEIGHBOURS
    ]
    items: list[dict[str, object]] = []
    for before, number in zip([0, *shown], shown, strict=False):
        if number > before + 1:
            items.append({"ellipsis": True})
        items.append({**link(number), "current": number == found.page})
    return {
        "previous": link(found.page - 1) if found.page > 1 else "",
        "next": link(found.page + 1) if found.page < found.pages else "",
        "items": items,
    }
