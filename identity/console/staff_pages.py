"""A body's staff: who they are, inviting, roles, removing."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from identity.console.access import MemberDep, OwnerDep, go, show
from identity.console.presenting import one_page
from identity.organisations.rules import offered_roles
from identity.signin.access import VaultDep
from identity.staff import actions
from identity.staff.queries import get_colleague, list_colleagues, list_invitations
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import language_of

router = APIRouter(prefix="/{body}")


@router.get("/staff")
def show_staff(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    member: MemberDep,
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    """Show a body's staff and the invitations that are open."""
    slug = member.body.slug
    found = list_colleagues(session, vault, slug, q)
    shown, pages = one_page(found, f"/identity/console/{slug}/staff", page, q=q)
    return show(
        request,
        "console/staff.html",
        member=member,
        body=member.body,
        colleagues=shown,
        total=len(found),
        pages=pages,
        q=q,
        invitations=list_invitations(session, vault, slug, now) if member.may_manage_staff else [],
    )


@router.get("/staff/invite")
def show_invite(request: Request, member: OwnerDep) -> Response:
    """Ask whom to invite."""
    return _ask(request, "console/invite.html", member, email="", roles=[])


@router.post("/staff/invite")
def invite(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    member: OwnerDep,
) -> Response:
    """Invite somebody by their address."""
    email, roles = form.text("email"), form.all("roles")
    try:
        with runtime.database.transaction() as session:
            actions.invite(
                session,
                vault,
                member.actor,
                member.body.slug,
                email=email,
                roles=roles,
                language=language_of(request),
                invited_by=member.person.account_id,
                now=now,
            )
    except Invalid as refused:
        faults = refused.fields
        return _ask(request, "console/invite.html", member, email=email, roles=roles, faults=faults)
    return go(f"/{member.body.slug}/staff", "invited")


@router.post("/invitations/{invitation}/resend")
def resend(
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    member: OwnerDep,
    invitation: UUID,
    _form: FormDep,
) -> Response:
    """Send an invitation again."""
    actions.resend(session, vault, member.actor, member.body.slug, invitation, now)
    return go(f"/{member.body.slug}/staff", "resent")


@router.post("/invitations/{invitation}/withdraw")
def withdraw(
    session: SessionDep, now: NowDep, member: OwnerDep, invitation: UUID, _form: FormDep
) -> Response:
    """Withdraw an invitation."""
    actions.withdraw(session, member.actor, member.body.slug, invitation, now)
    return go(f"/{member.body.slug}/staff", "withdrawn")


@router.get("/staff/{account}")
def show_roles(
    request: Request, session: SessionDep, vault: VaultDep, member: OwnerDep, account: UUID
) -> Response:
    """Show what a member of staff may do, to change it or to remove them."""
    found = get_colleague(session, vault, member.body.slug, account)
    if found is None:
        raise NotFound("not_a_member", "This person does not work for you here")
    return _ask(request, "console/roles.html", member, colleague=found, roles=list(found.roles))


@router.post("/staff/{account}")
def change_roles(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
    member: OwnerDep,
    account: UUID,
) -> Response:
    """Change what a member of staff may do."""
    slug, roles = member.body.slug, form.all("roles")
    try:
        with runtime.database.transaction() as session:
            actions.change_roles(session, member.actor, slug, account, roles, now)
    except (Invalid, Conflict) as refused:
        with runtime.database.transaction() as session:
            found = get_colleague(session, vault, slug, account)
        faults = refused.fields or (FieldError("roles", refused.title),)
        return _ask(
            request, "console/roles.html", member, colleague=found, roles=roles, faults=faults
        )
    return go(f"/{slug}/staff", "roles")


@router.get("/staff/{account}/remove")
def ask_remove(
    request: Request, session: SessionDep, vault: VaultDep, member: OwnerDep, account: UUID
) -> Response:
    """Ask before somebody loses every role."""
    found = get_colleague(session, vault, member.body.slug, account)
    if found is None:
        raise NotFound("not_a_member", "This person does not work for you here")
    return show(request, "console/remove.html", member=member, body=member.body, colleague=found)


@router.post("/staff/{account}/remove")
def remove(session: SessionDep, member: OwnerDep, account: UUID, _form: FormDep) -> Response:
    """Remove somebody from a body's staff."""
    actions.remove_member(session, member.actor, member.body.slug, account)
    return go(f"/{member.body.slug}/staff", "removed")


def _ask(
    request: Request,
    template: str,
    member: MemberDep,
    *,
    faults: tuple[FieldError, ...] = (),
    **values: Any,
) -> Response:
    return show(
        request,
        template,
        member=member,
        body=member.body,
        offered=offered_roles(member.body.slug),
        faults=faults,
        **values,
    )
