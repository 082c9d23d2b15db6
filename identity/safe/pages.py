"""The pages of the safe: what is saved, what was shared, and the agreement to share."""

import re
from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import Profile, get_profile
from identity.oidc import flows
from identity.oidc.consent import claim_of
from identity.organisations.queries import get_organisation_name, list_staff_roles
from identity.safe import actions, rules, services_pages
from identity.safe.queries import email_item, list_attributes
from identity.safe.views import CLAIM_ITEMS, Shown, key_of, show_detail, show_item
from identity.signin.access import OwnFlowDep, SignedInDep, show_page
from shared.crypto import Sealer
from shared.errors import FieldError, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
router.include_router(services_pages.router)
_SHARE, _KEEP = "yes", "no"
_CHOOSE = {
    rules.GPG45_SCOPE: "Choose whether to share your name and date of birth",
    rules.ADDRESS_SCOPE: "Choose whether to share your address",
    rules.EMAIL_SCOPE: "Choose whether to share your email address",
    "email": "Choose whether to share your email address",
    "profile": "Choose whether to share your name",
    "name": "Choose whether to share your name",
    "given_name": "Choose whether to share your given names",
    "family_name": "Choose whether to share your family name",
    "birthdate": "Choose whether to share your date of birth",
    "address": "Choose whether to share your address",
    "staff": "Choose whether to share your roles",
    "phone": "Choose whether to share your phone number",
    "phone_number": "Choose whether to share your phone number",
    "coreIdentityJWT": "Choose whether to share your name and date of birth",
    "passport": "Choose whether to share your passport details",
    "drivingPermit": "Choose whether to share your driving licence details",
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
    asked = _items_of(session, runtime.sealer, person.account_id, flow)
    answers = {scope: form.text(_field(scope)) for scope in asked}
    faults = tuple(
        FieldError(_field(scope), _CHOOSE.get(key_of(scope), "Choose whether to share this"))
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
                "scope": key_of(shown.scope),
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
    shown = []
    for item in _items_of(session, sealer, account_id, flow):
        kept = CLAIM_ITEMS.get(key_of(item), "") if claim_of(item) else rules.PARTS.get(item, item)
        if item in flow.requested_attributes:
            shown.append(show_item(item, items.get(kept)))
        elif claim_of(item):
            shown.append(replace(show_item(kept, items.get(kept)), scope=item))
        else:
            shown.append(replace(show_detail(key_of(item), profile, staff), scope=item))
    return shown


def _items_of(
    session: Session, sealer: Sealer, account_id: UUID, flow: flows.FlowView
) -> tuple[str, ...]:
    """Return what is asked for; what an identity that was not proved would have told is not."""
    once = flow.remembered_items
    if flow.wants_identity and flow.verified_at is not None:
        known = list_attributes(session, account_id, sealer, flow_id=flow.id)
        proved = {str(item["scope"]) for item in known if rules.outcome_of(item) != rules.FAILED}
        if rules.GPG45_SCOPE not in proved:
            once = tuple(item for item in once if key_of(item) not in CLAIM_ITEMS)
    return (*flow.requested_attributes, *once)


def _profile(session: Session, sealer: Sealer, account_id: UUID) -> Profile:
    profile = get_profile(session, account_id, sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    return profile


def _field(item: str) -> str:
    return "share_" + re.sub(r"[^A-Za-z0-9]", "_", key_of(item))


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
