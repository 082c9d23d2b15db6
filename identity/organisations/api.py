"""Bodies and the roles of their staff, for the platform's other services."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from identity.oidc.core_subjects import subject_of
from identity.oidc.provider import Provider
from identity.organisations.queries import Body, get_body, list_bodies, list_members
from shared.errors import FieldError, Invalid, NotFound
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter(prefix="/organisations", tags=["organisations"])
SCOPE = "identity.organisations.read"
CallerDep = Annotated[Caller, Depends(require_scope(SCOPE))]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
After = Annotated[
    str, Query(max_length=100, pattern=r"^[\w-]*$", description="`next` of the page before")
]


class OrganisationBody(BaseModel):
    """A public body."""

    slug: str
    name: str
    kind: str
    status: str


class OrganisationList(BaseModel):
    """One page of bodies; ``next`` is what ``after`` of the next page is, absent on the last."""

    organisations: list[OrganisationBody]
    next: str | None = None


class MemberBody(BaseModel):
    """What one person may do for a body; ``subject`` is how the named client knows them."""

    subject: str
    roles: list[str]


class MemberList(BaseModel):
    """One page of a body's staff."""

    staff: list[MemberBody]
    next: str | None = None


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.provider
    return provider


@router.get("")
def list_organisations(
    session: SessionDep, _caller: CallerDep, after: After = "", limit: Limit = 50
) -> OrganisationList:
    """List the bodies that use the platform, by slug."""
    found = list_bodies(session, after=after, limit=limit + 1)
    return OrganisationList(
        organisations=[_body(body) for body in found[:limit]],
        next=found[limit - 1].slug if len(found) > limit else None,
    )


@router.get("/{slug}")
def show_organisation(session: SessionDep, _caller: CallerDep, slug: str) -> OrganisationBody:
    """Show one body."""
    return _body(_known(session, slug))


@router.get("/{slug}/staff")
def list_staff(
    session: SessionDep,
    now: NowDep,
    provider: Annotated[Provider, Depends(_provider)],
    _caller: CallerDep,
    slug: str,
    client_id: Annotated[
        str, Query(max_length=100, description="The client whose subjects the answer names")
    ],
    after: After = "",
    limit: Limit = 50,
) -> MemberList:
    """List the roles of a body's staff, by the subjects that a client of the platform sees."""
    body = _known(session, slug)
    client = provider.clients.find(session, client_id)
    if client is None or not client.first_party:
        raise Invalid(FieldError("client_id", "Name a client of the platform itself"))
    salt = provider.keys(session, now).salt
    # By subject, because the ids of accounts are nobody's business.
    staff = sorted(
        (subject_of(account_id, client, salt), roles)
        for account_id, roles in list_members(session, body.slug)
    )
    found = [member for member in staff if member[0] > after][: limit + 1]
    return MemberList(
        staff=[MemberBody(subject=subject, roles=roles) for subject, roles in found[:limit]],
        next=found[limit - 1][0] if len(found) > limit else None,
    )


def _known(session: SessionDep, slug: str) -> Body:
    # PostgreSQL knows no NUL in a text, and no slug has one.
    body = None if "\0" in slug else get_body(session, slug)
    if body is None:
        raise NotFound("organisation_unknown", "There is no such organisation")
    return body


def _body(body: Body) -> OrganisationBody:
    return OrganisationBody(slug=body.slug, name=body.name, kind=body.kind, status=body.status)
