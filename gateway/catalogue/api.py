"""The catalogue for programs: open to everybody, read only."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from gateway.catalogue.queries import Listing
from gateway.catalogue.search import search_entries
from shared.web.deps import RuntimeDep, SessionDep, public

router = APIRouter(prefix="/catalogue", tags=["catalogue"], dependencies=[Depends(public)])


class Supplier(BaseModel):
    """The body that supplies a service."""

    slug: str
    name: str


class Service(BaseModel):
    """One service; without an organisation the council of the place supplies it."""

    slug: str
    name: str
    summary: str
    language: str
    url: str
    organisation: Supplier | None


class ServiceList(BaseModel):
    """One page of services; pages count from 1."""

    total_items: int
    total_pages: int
    page_number: int
    size: int
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[Service]


@router.get("/services")
def list_services(
    session: SessionDep,
    runtime: RuntimeDep,
    search: str = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=500)] = 50,
    organisation: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,64}$")] = None,
    language: Literal["en", "gd"] = "en",
) -> ServiceList:
    """Find services by words, or list all of them without, the best fit first."""
    found = search_entries(
        session,
        search,
        page=page,
        per_page=per_page,
        organisation=organisation,
        language=language,
    )
    contents = [_service(entry, runtime.settings.public_url) for entry in found.entries]
    return ServiceList(
        total_items=found.total,
        total_pages=found.pages,
        page_number=page,
        size=len(contents),
        first_page=page == 1,
        last_page=page >= found.pages,
        empty=not contents,
        contents=contents,
    )


def _service(entry: Listing, public_url: str) -> Service:
    supplier = None
    if entry.supplier is not None and entry.organisation is not None:
        supplier = Supplier(slug=entry.organisation, name=entry.supplier.text)
    return Service(
        slug=entry.slug,
        name=entry.name.text,
        summary=entry.summary.text,
        language=entry.name.lang,
        url=f"{public_url}/services/{entry.slug}",
        organisation=supplier,
    )
