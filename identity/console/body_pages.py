"""A body's own page and its settings."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.client_console.queries import count_clients
from identity.console.access import MemberDep, OwnerDep, go, show
from identity.organisations import actions
from identity.organisations.queries import list_services
from identity.organisations.rules import KINDS
from identity.signin.access import VaultDep
from identity.staff.queries import count_staff, list_invitations
from identity.staff_sign_on.queries import get_upstream
from shared.errors import Invalid
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter(prefix="/{body}")


@router.get("")
def show_body(
    request: Request, session: SessionDep, vault: VaultDep, now: NowDep, member: MemberDep
) -> Response:
    """Show a body's services and what there is to do."""
    slug = member.body.slug
    return show(
        request,
        "console/body.html",
        member=member,
        body=member.body,
        services=[
            (service, count_clients(session, service.id))
            for service in list_services(session, slug)
        ],
        staff_count=count_staff(session, slug),
        invitation_count=len(list_invitations(session, vault, slug, now)),
        upstream=get_upstream(session, slug),
    )


@router.get("/settings")
def show_settings(request: Request, member: OwnerDep) -> Response:
    """Show the form for a body's name and kind."""
    values = {"name": member.body.name, "kind": member.body.kind}
    return show(
        request,
        "console/settings.html",
        member=member,
        body=member.body,
        values=values,
        kinds=KINDS,
    )


@router.post("/settings")
def change_settings(
    request: Request, form: FormDep, runtime: RuntimeDep, member: OwnerDep
) -> Response:
    """Change a body's name and kind."""
    slug = member.body.slug
    try:
        with runtime.database.transaction() as session:
            actions.rename_body(
                session, member.actor, slug, name=form.text("name"), kind=form.text("kind")
            )
    except Invalid as refused:
        return show(
            request,
            "console/settings.html",
            member=member,
            body=member.body,
            values=form.plain(),
            kinds=KINDS,
            faults=refused.fields,
        )
    return go(f"/{slug}", "saved")
