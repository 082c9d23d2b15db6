"""The console's first pages: a person's bodies, applying for one, taking up an invitation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from identity.client_console import trial_pages
from identity.console import body_pages, operator_pages, service_pages, staff_pages
from identity.console.access import PersonDep, go, show
from identity.organisations import actions
from identity.organisations.queries import list_own_bodies
from identity.organisations.rules import KINDS
from identity.signin.access import MaybeSessionDep, VaultDep
from identity.staff.actions import accept
from identity.staff.queries import find_by_token, list_own_invitations
from identity.staff_sign_on import settings_pages
from shared.errors import Invalid
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(prefix="/console")


@router.get("")
def show_bodies(
    request: Request, session: SessionDep, vault: VaultDep, now: NowDep, person: PersonDep
) -> Response:
    """Show the bodies a person works for and the invitations that wait for them."""
    return show(
        request,
        "console/bodies.html",
        bodies=list_own_bodies(session, person.account_id),
        invitations=list_own_invitations(session, vault, person.account_id, now),
    )


@router.get("/apply")
def show_apply(request: Request, _person: PersonDep) -> Response:
    """Ask which body wants to join the platform."""
    return show(request, "console/apply.html", values={}, kinds=KINDS)


@router.post("/apply")
def apply(
    request: Request, form: FormDep, runtime: RuntimeDep, now: NowDep, person: PersonDep
) -> Response:
    """Take an application in."""
    try:
        with runtime.database.transaction() as session:
            slug = actions.apply_for_body(
                session,
                person.actor,
                person.account_id,
                name=form.text("name"),
                kind=form.text("kind"),
                now=now,
            )
    except Invalid as refused:
        return show(
            request, "console/apply.html", values=form.plain(), kinds=KINDS, faults=refused.fields
        )
    return go(f"/{slug}", "applied")


@router.get("/invitation", dependencies=[Depends(public)])
def show_invitation(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    found: MaybeSessionDep,
    token: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show what an invitation is for; taking it up needs a sign-in with its address."""
    invitation = find_by_token(session, vault, token, now)
    own = list_own_invitations(session, vault, found.account_id, now) if found else []
    return show(
        request,
        "console/invitation.html",
        status=200 if invitation else 404,
        invitation=invitation,
        is_signed_in=found is not None,
        is_own=any(invitation and one.id == invitation.id for one in own),
    )


@router.post("/invitations/{invitation}/accept")
def take_up(
    session: SessionDep, now: NowDep, person: PersonDep, invitation: UUID, _form: FormDep
) -> Response:
    """Take an invitation up, once."""
    slug = accept(session, person.actor, person.account_id, invitation, now)
    return go(f"/{slug}", "joined")


# The operators' pages come first: their address looks like that of a body.
router.include_router(operator_pages.router)
router.include_router(trial_pages.callback_router)
router.include_router(staff_pages.router)
router.include_router(settings_pages.router)
router.include_router(service_pages.router)
router.include_router(body_pages.router)
