"""The first page of a person's account."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.accounts.queries import get_profile
from identity.oidc.flows import continue_url
from identity.oidc.polled import list_waiting
from identity.organisations.queries import list_organisations, list_staff_roles
from identity.phones.queries import get_phone
from identity.phones.rules import show_number
from identity.recovery.queries import list_changes
from identity.relying_parties.queries import list_services_in_use
from identity.safe.queries import count_sharing, list_attributes, list_services
from identity.safe.rules import GPG45_SCOPE, time_of
from identity.safe.views import show_item
from identity.signin.access import SignedInDep, VaultDep, find_flow_to_return_to
from identity.signin.queries import list_sessions
from shared.errors import NotFound
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()
_CHANGED = {
    "email": "Your email address is changed",
    "phone": "Your telephone is changed",
    "password": "Your password is changed",
    "name": "Your name is changed",
    "language": "Your language is changed",
    "kept": "Your account stays",
}


@router.get("/account")
def show_account(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    person: SignedInDep,
) -> Response:
    """Show who the person is here, and the way back to a service they were on."""
    profile = get_profile(session, person.account_id, runtime.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    items = list_attributes(session, person.account_id, runtime.sealer)
    verified = next((item for item in items if item["scope"] == GPG45_SCOPE), None)
    phone = get_phone(session, person.account_id, runtime.sealer)
    changes = list_changes(session, vault, person.account_id, now)
    flow = find_flow_to_return_to(request, session, now)
    names = list_organisations(session)
    staff = list_staff_roles(session, person.account_id, person.id)
    return runtime.pages.render(
        request,
        "home/account.html",
        sign_out_url="/identity/sign-out",
        email=profile.email,
        display_name=profile.display_name,
        language=profile.language,
        closing_at=profile.closing_at,
        phone=show_number(phone.number) if phone else "",
        has_waiting=any(change.state == "waiting" for change in changes),
        changed=_CHANGED.get(request.query_params.get("changed", ""), ""),
        verified_lines=show_item(GPG45_SCOPE, verified).lines,
        verified_at=time_of(verified) if verified else None,
        has_mailbox=profile.mailbox_id is not None,
        saved_count=len(items),
        session_count=len(list_sessions(session, person.account_id, now)),
        sharing_count=count_sharing(session, person.account_id),
        service_count=len(list_services(session, person.account_id)),
        request_count=len(list_waiting(session, person.account_id, now)),
        organisations=[names.get(str(place["organisation"]), "") for place in staff],
        services=list_services_in_use(session, person.id),
        return_name=flow.client_name if flow else "",
        return_url=continue_url(flow.id) if flow else "",
    )
