"""A body's services: adding, changing, their clients, going live."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from identity.client_console import client_pages, question_pages, trial_pages
from identity.client_console.access import ServiceDep
from identity.client_console.queries import list_clients
from identity.console.access import DeveloperDep, MemberDep, go, show
from identity.console.presenting import one_page
from identity.organisations import actions
from shared.errors import Conflict, FieldError, Invalid
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/{body}")
router.include_router(question_pages.router)
router.include_router(client_pages.router)
router.include_router(trial_pages.router)
service_router = APIRouter(prefix="/services/{service}")


@router.get("/services/new")
def show_new(request: Request, member: DeveloperDep) -> Response:
    """Ask for a service's name and purpose."""
    return show(request, "console/service_edit.html", body=member.body, service=None, values={})


@router.post("/services/new")
def add(
    request: Request, form: FormDep, runtime: RuntimeDep, now: NowDep, member: DeveloperDep
) -> Response:
    """Add a service."""
    name, purpose = form.text("name"), form.text("purpose")
    try:
        with runtime.database.transaction() as session:
            service_id = actions.add_service(
                session, member.actor, member.body.slug, name=name, purpose=purpose, now=now
            )
    except (Invalid, Conflict) as refused:
        return show(
            request,
            "console/service_edit.html",
            body=member.body,
            service=None,
            values=form.plain(),
            faults=refused.fields or (FieldError("name", refused.title),),
        )
    return go(f"/{member.body.slug}/services/{service_id}", "added")


@service_router.get("")
def show_service(
    request: Request,
    session: SessionDep,
    now: NowDep,
    member: MemberDep,
    service: ServiceDep,
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    """Show a service with the clients of its two environments."""
    slug = member.body.slug
    found = list_clients(session, service.id, now - timedelta(days=1), q)
    path = f"/identity/console/{slug}/services/{service.id}"
    shown, pages = one_page(found, path, page, q=q)
    return show(
        request,
        "console/service.html",
        member=member,
        body=member.body,
        service=service,
        clients=shown,
        total=len(found),
        pages=pages,
        q=q,
    )


@service_router.get("/edit")
def show_edit(request: Request, member: DeveloperDep, service: ServiceDep) -> Response:
    """Show the form for a service's name and purpose."""
    values = {"name": service.name, "purpose": service.purpose}
    return show(
        request, "console/service_edit.html", body=member.body, service=service, values=values
    )


@service_router.post("/edit")
def edit(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    member: DeveloperDep,
    service: ServiceDep,
) -> Response:
    """Change a service's name and purpose."""
    name, purpose = form.text("name"), form.text("purpose")
    try:
        with runtime.database.transaction() as session:
            actions.change_service(session, member.actor, service.id, name=name, purpose=purpose)
    except Invalid as refused:
        return show(
            request,
            "console/service_edit.html",
            body=member.body,
            service=service,
            values=form.plain(),
            faults=refused.fields,
        )
    return go(f"/{member.body.slug}/services/{service.id}", "saved")


@service_router.get("/live")
def show_live(request: Request, member: DeveloperDep, service: ServiceDep) -> Response:
    """Say what going live needs, and ask how the service was tested."""
    return show(request, "console/live.html", body=member.body, service=service, values={})


@service_router.post("/live")
def ask_live(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    now: NowDep,
    member: DeveloperDep,
    service: ServiceDep,
) -> Response:
    """Send the request to go live to the operators."""
    faults: tuple[FieldError, ...] = ()
    if form.text("agreed") != "yes":
        faults = (FieldError("agreed", "Confirm that the service is ready"),)
    try:
        if not faults:
            with runtime.database.transaction() as session:
                actions.request_live(
                    session,
                    member.actor,
                    service.id,
                    member.person.account_id,
                    note=form.text("note"),
                    now=now,
                )
            return go(f"/{member.body.slug}/services/{service.id}", "requested")
    except Invalid as refused:
        faults = refused.fields
    return show(
        request,
        "console/live.html",
        body=member.body,
        service=service,
        values=form.plain(),
        faults=faults,
    )


router.include_router(service_router)
