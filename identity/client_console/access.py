"""The service, client or draft that an address of the console names."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from identity.client_console.queries import ClientView, Draft, get_client_view, get_draft
from identity.console.access import Member, MemberDep
from identity.organisations.queries import Service, get_service
from shared.errors import NotFound
from shared.web.deps import NowDep, RuntimeDep


def require_service(runtime: RuntimeDep, member: MemberDep, service: UUID) -> Service:
    """Return the service that the address names, if it is the body's."""
    with runtime.database.transaction() as session:
        found = get_service(session, service, member.body.slug)
    if found is None:
        raise NotFound("service_unknown", "This service is not there")
    return found


ServiceDep = Annotated[Service, Depends(require_service)]


@dataclass(frozen=True)
class AtClient:
    """A person at a client of their body."""

    member: Member
    view: ClientView
    service: Service

    @property
    def path(self) -> str:
        """Where the client's page is, below the console."""
        return f"/{self.member.body.slug}/clients/{self.view.party.client_id}"


def require_client(runtime: RuntimeDep, member: MemberDep, client: str) -> AtClient:
    """Return the client that the address names, if the console registered it for the body."""
    with runtime.database.transaction() as session:
        view = get_client_view(session, member.body.slug, client)
        service = get_service(session, view.service_id) if view else None
    if view is None or service is None:
        raise NotFound("client_unknown", "This client is not there")
    return AtClient(member, view, service)


ClientDep = Annotated[AtClient, Depends(require_client)]


@dataclass(frozen=True)
class AtDraft:
    """A person at the questions of a registration."""

    member: Member
    draft: Draft
    service: Service
    view: ClientView | None

    @property
    def path(self) -> str:
        """Where the questions are, below the console."""
        return f"/{self.member.body.slug}/drafts/{self.draft.id}"


def require_draft(runtime: RuntimeDep, now: NowDep, member: MemberDep, draft: UUID) -> AtDraft:
    """Return the draft that the address names, if it is the body's and not done yet."""
    with runtime.database.transaction() as session:
        found = get_draft(session, member.body.slug, draft, now)
        service = get_service(session, found.service_id) if found else None
        view = (
            get_client_view(session, member.body.slug, found.client_id)
            if found and found.client_id
            else None
        )
    if found is None or service is None:
        raise NotFound(
            "draft_unknown",
            "This registration is not there any more",
            detail="It was finished, or nobody went on with it for seven days."
            " Look at the clients of your service.",
        )
    return AtDraft(member, found, service, view)


DraftDep = Annotated[AtDraft, Depends(require_draft)]
