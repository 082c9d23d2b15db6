"""Services that a person shares with, and the history of what was shared."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.organisations.queries import list_organisations
from identity.safe import actions
from identity.safe.queries import (
    Service,
    count_sharing,
    list_services,
    list_sharing,
    list_sharing_names,
)
from identity.safe.views import key_of
from identity.signin.access import SignedInDep
from shared.errors import NotFound
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()
_PAGE_SIZE = 20
_SERVICES = "/identity/account/services"


@router.get("/account/services")
def show_services(
    request: Request, runtime: RuntimeDep, session: SessionDep, person: SignedInDep
) -> Response:
    """List the services that a person shares with: what each may see, since when, last time."""
    names = list_organisations(session)
    return runtime.pages.render(
        request,
        "safe/services.html",
        sign_out_url="/identity/sign-out",
        withdrawn=request.query_params.get("withdrawn", "")[:80],
        services=[
            _view(service, names.get(service.organisation, service.organisation))
            for service in list_services(session, person.account_id)
        ],
    )


def _view(service: Service, organisation: str) -> dict[str, object]:
    return {
        "client_id": service.client_id,
        "name": service.name,
        "organisation": organisation,
        "each_time": [key_of(item) for item in service.each_time],
        "declined": [key_of(item) for item in service.declined],
        "last_shared": [key_of(item) for item in service.last_shared],
        "since": service.since,
        "used_at": service.used_at,
        "policy_uri": service.policy_uri,
    }


@router.get("/account/services/{client_id}/withdraw")
def ask_to_withdraw(
    request: Request,
    client_id: str,
    runtime: RuntimeDep,
    session: SessionDep,
    person: SignedInDep,
) -> Response:
    """Ask before a service loses what it may see."""
    service = _own(session, person, client_id)
    names = list_organisations(session)
    return runtime.pages.render(
        request,
        "safe/withdraw.html",
        sign_out_url="/identity/sign-out",
        service=_view(service, names.get(service.organisation, service.organisation)),
    )


@router.post("/account/services/{client_id}/withdraw")
def withdraw(client_id: str, session: SessionDep, person: SignedInDep, now: NowDep) -> Response:
    """Take back what a service may see; its tokens stop working with this answer."""
    service = _own(session, person, client_id)
    actions.withdraw(session, person.account_id, client_id, service.name, now)
    return RedirectResponse(f"{_SERVICES}?{urlencode({'withdrawn': service.name})}", 303)


def _own(session: SessionDep, person: SignedInDep, client_id: str) -> Service:
    found = list_services(session, person.account_id, client_id=client_id)
    if not found:
        raise NotFound("service_unknown", "You do not share anything with this service")
    return found[0]


@router.get("/account/sharing")
def show_sharing(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    person: SignedInDep,
    service: str = "",
    page: int = 1,
) -> Response:
    """Show what was shared with whom and when, page by page, with one service if wanted."""
    total = count_sharing(session, person.account_id, client_name=service)
    last = max(1, -(-total // _PAGE_SIZE))
    page = min(max(page, 1), last)
    names = list_organisations(session)
    events = list_sharing(
        session,
        person.account_id,
        limit=_PAGE_SIZE,
        offset=(page - 1) * _PAGE_SIZE,
        client_name=service,
    )
    return runtime.pages.render(
        request,
        "safe/sharing.html",
        sign_out_url="/identity/sign-out",
        service=service,
        services=list_sharing_names(session, person.account_id),
        total=total,
        page=page,
        pages=last,
        page_url=lambda number: f"?{urlencode({'service': service, 'page': number})}",
        events=[
            {
                "client_name": event.client_name,
                "organisation": names.get(event.organisation, event.organisation),
                "scopes": [key_of(item) for item in event.scopes],
                "shared_at": event.shared_at,
            }
            for event in events
        ],
    )
