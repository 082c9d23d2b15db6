"""The pages of the safe: what is saved, what was shared, and the agreement to share."""

from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import Profile, get_profile
from identity.oidc import flows
from identity.organisations.queries import (
    get_organisation_name,
    list_organisations,
    list_staff_roles,
)
from identity.safe import actions, rules
from identity.safe.queries import email_item, list_attributes, list_sharing
from identity.safe.views import Shown, show_detail, show_item
from identity.signin.access import OwnFlowDep, SignedInDep, show_page
from shared.crypto import Sealer
from shared.errors import FieldError, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
_SHARE, _KEEP = "yes", "no"
_CHOOSE = {
    rules.GPG45_SCOPE: "Choose whether to share your name and date of birth",
    rules.ADDRESS_SCOPE: "Choose whether to share your address",
    rules.EMAIL_SCOPE: "Choose whether to share your email address",
    "email": "Choose whether to share your email address",
    "profile": "Choose whether to share your name",
    "given_name": "Choose whether to share your given names",
    "family_name": "Choose whether to share your family name",
    "birthdate": "Choose whether to share your date of birth",
    "address": "Choose whether to share your address",
    "staff": "Choose whether to share your roles",
}


@router.get("/consent")
def ask_to_share(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    person: SignedInDep,
    flow: OwnFlowDep,
) -> Response:
    """Ask, for each thing that the service wants to know, whether it may."""
    return _consent_page(request, runtime, session, person.account_id, flow, {}, ())


@router.post("/consent")
def decide_to_share(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    session: SessionDep,
    person: SignedInDep,
    flow: OwnFlowDep,
    now: NowDep,
) -> Response:
    """Note what the person agrees to share and go on; a thing without an answer is asked again."""
    asked = (*flow.requested_attributes, *flow.requested_details)
    answers = {scope: form.text(_field(scope)) for scope in asked}
    faults = tuple(
        FieldError(_field(scope), _CHOOSE.get(scope, "Choose whether to share this"))
        for scope, answer in answers.items()
        if answer not in (_SHARE, _KEEP)
    )
    if faults:
        return _consent_page(request, runtime, session, person.account_id, flow, answers, faults)
    chosen = [scope for scope, answer in answers.items() if answer == _SHARE]
    actions.share(session, flow, person.account_id, chosen, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)


def _consent_page(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    account_id: UUID,
    flow: flows.FlowView,
    answers: dict[str, str],
    faults: tuple[FieldError, ...],
) -> Response:
    errors = {fault.field: fault.message for fault in faults}
    return show_page(
        request,
        "safe/consent.html",
        flow,
        organisation=get_organisation_name(session, flow.organisation),
        questions=[
            {
                "scope": shown.scope,
                "field": _field(shown.scope),
                "lines": shown.lines,
                "is_confirmed": shown.is_confirmed,
                "answer": answers.get(shown.scope, ""),
                "error": errors.get(_field(shown.scope), ""),
            }
            for shown in _asked(session, runtime.sealer, account_id, flow)
        ],
        details=flow.request.asked.authorization_details,
        faults=faults,
    )


def _asked(session: Session, sealer: Sealer, account_id: UUID, flow: flows.FlowView) -> list[Shown]:
    profile = _profile(session, sealer, account_id)
    items = {
        str(item["scope"]): item
        for item in [
            email_item(profile),
            *list_attributes(session, account_id, sealer, flow_id=flow.id),
        ]
    }
    staff = list_staff_roles(session, account_id)
    return [
        show_item(scope, items.get(rules.PARTS.get(scope, scope)))
        for scope in flow.requested_attributes
    ] + [show_detail(scope, profile, staff) for scope in flow.requested_details]


def _profile(session: Session, sealer: Sealer, account_id: UUID) -> Profile:
    profile = get_profile(session, account_id, sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    return profile


def _field(scope: str) -> str:
    return "share_" + scope.replace(".", "_")


@router.get("/account/saved-details")
def show_saved(
    request: Request, runtime: RuntimeDep, session: SessionDep, person: SignedInDep
) -> Response:
    """Show what lies in the person's safe."""
    items = list_attributes(session, person.account_id, runtime.sealer)
    return runtime.pages.render(
        request,
        "safe/saved_details.html",
        sign_out_url="/identity/sign-out",
        was_deleted="deleted" in request.query_params,
        items=[
            {
                "scope": str(item["scope"]),
                "lines": show_item(str(item["scope"]), item).lines,
                "verified_at": rules.time_of(item),
            }
            for item in items
        ],
    )


@router.get("/account/saved-details/delete")
def ask_to_delete(request: Request, runtime: RuntimeDep, _person: SignedInDep) -> Response:
    """Ask before everything is deleted."""
    return runtime.pages.render(
        request, "safe/delete_saved.html", sign_out_url="/identity/sign-out"
    )


@router.post("/account/saved-details/delete")
def delete_saved(session: SessionDep, person: SignedInDep) -> Response:
    """Delete everything in the person's safe."""
    actions.delete_stored(session, person.account_id)
    return RedirectResponse("/identity/account/saved-details?deleted=yes", 303)


@router.get("/account/sharing")
def show_sharing(
    request: Request, runtime: RuntimeDep, session: SessionDep, person: SignedInDep
) -> Response:
    """Show what was shared with whom and when."""
    names = list_organisations(session)
    return runtime.pages.render(
        request,
        "safe/sharing.html",
        sign_out_url="/identity/sign-out",
        events=[
            {
                "client_name": event.client_name,
                "organisation": names.get(event.organisation, event.organisation),
                "scopes": list(event.scopes),
                "shared_at": event.shared_at,
            }
            for event in list_sharing(session, person.account_id)
        ],
    )
