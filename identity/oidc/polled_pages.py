"""Pages for requests that wait elsewhere: a device's code, what is asked, yes or no."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts import limits
from identity.accounts.vault import Vault
from identity.oidc.access import MaybeSignedIn, ProviderDep
from identity.oidc.ciba_core import open_part
from identity.oidc.flows import FlowView, continue_url
from identity.oidc.pages import FlowDep
from identity.oidc.polled import (
    Waiting,
    end_apart,
    find_by_user_code,
    list_apart,
    list_waiting,
)
from identity.oidc.polled_journey import (
    Asker,
    agree,
    begin_flow,
    check_person,
    disagree,
    find_asked,
    find_asker,
)
from identity.oidc.provider import Call
from identity.oidc.rules import check_can_continue
from identity.oidc.user_codes import LONGEST_TYPED, clean_user_code, hash_user_code
from identity.organisations.queries import get_organisation_name, list_organisations
from identity.signin.access import (
    OwnFlowDep,
    PeopleSettingsDep,
    SignedInDep,
    VaultDep,
    VisitorDep,
    remember,
    show_page,
)
from identity.signin.actions import Visitor
from identity.signin.rules import CODE_LIFE, HOUR
from shared.errors import FieldError, NotFound, Problem
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])

GUESSES = 10
_REFUSE = "refuse"
_WRONG = FieldError(
    "user_code", "The code is not right or has expired. Check it on your device and enter it again"
)
_RESULTS = ("approved", "refused")


def _call(provider: ProviderDep, session: SessionDep, now: NowDep) -> Call:
    return Call(provider, provider.issuers["oidc"], session, now)


CallOfPageDep = Annotated[Call, Depends(_call)]


def _of_issuer(call: Call, profile: str) -> Call:
    """Return the call as the issuer sees it at which the request was made."""
    return Call(call.provider, call.provider.issuers[profile], call.session, call.now)


@router.get("/device")
def ask_for_code(request: Request, _visitor: VisitorDep, user_code: str = "") -> Response:
    """Ask for the code that the device shows; a link from the device has filled it in."""
    return show_page(request, "oidc/device.html", None, user_code=user_code[:LONGEST_TYPED])


@router.post("/device")
def take_code(
    request: Request,
    form: FormDep,
    call: CallOfPageDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
) -> Response:
    """Find the device's request and begin; guesses are counted by browser and by network."""
    _count_guess(call, vault, visitor, settings.forms_per_address)
    typed = form.text("user_code")[:LONGEST_TYPED]
    letters = clean_user_code(typed)
    hashed = hash_user_code(letters, call.keys.salt)
    found = find_by_user_code(call.session, hashed, call.now) if letters else None
    if found is None:
        return show_page(request, "oidc/device.html", None, user_code=typed, faults=(_WRONG,))
    call = _of_issuer(call, found.profile)
    flow_id = begin_flow(call, find_asker(call, found.id), visitor.browser_hash)
    target = RedirectResponse(f"/identity/device/confirm?flow={flow_id}", 303)
    return remember(request, target, None)


def _count_guess(call: Call, vault: Vault, visitor: Visitor, of_address: int) -> None:
    """Refuse a browser or network that tried too often (RFC 8628, section 5.1)."""
    for name, subject, maximum, window in (
        ("user_code.browser", visitor.browser_hash, GUESSES, CODE_LIFE),
        ("user_code.address", visitor.address.encode(), of_address, HOUR),
    ):
        key = vault.counter_key(name, subject)
        if limits.take(call.session, key, maximum, window, call.now) > maximum:
            raise Problem(
                "too_many_codes",
                "Too many codes were entered",
                detail="Wait 15 minutes, then enter the code again.",
                status=429,
                retry_after_seconds=int(window.total_seconds()),
            )


@router.get("/device/confirm")
def show_device(
    request: Request,
    flow: FlowDep,
    call: CallOfPageDep,
    visitor: VisitorDep,
    signed_in: MaybeSignedIn,
) -> Response:
    """Show which service and which device ask, before anybody signs in."""
    check_can_continue(flow, signed_in, visitor.browser_hash, call.now)
    asker = _asker(call, flow)
    return _show(request, call, flow, asker, "oidc/device_confirm.html")


@router.post("/device/confirm")
def confirm_device(
    flow: FlowDep,
    form: FormDep,
    call: CallOfPageDep,
    visitor: VisitorDep,
    signed_in: MaybeSignedIn,
) -> Response:
    """Go on to sign in, or end the request of a device that the person does not know."""
    check_can_continue(flow, signed_in, visitor.browser_hash, call.now)
    asker = _asker(call, flow)
    if form.text("decision") == _REFUSE:
        return RedirectResponse(disagree(_of_issuer(call, asker.waiting.profile), flow, None), 303)
    return RedirectResponse(continue_url(flow.id), 303)


@router.get("/approve")
def ask_to_approve(
    request: Request, flow: OwnFlowDep, call: CallOfPageDep, person: SignedInDep
) -> Response:
    """Ask for the last word, with everything that the client will get."""
    asker = _asker(call, flow)
    check_person(asker.waiting, person)
    return _show(request, call, flow, asker, "oidc/approve.html")


@router.post("/approve")
def decide(flow: OwnFlowDep, form: FormDep, call: CallOfPageDep, person: SignedInDep) -> Response:
    """Note the person's decision; the client learns it when it asks next."""
    call = _of_issuer(call, _asker(call, flow).waiting.profile)
    act = disagree if form.text("decision") == _REFUSE else agree
    return RedirectResponse(act(call, flow, person), 303)


@router.get("/device/done")
def show_end(request: Request, runtime: RuntimeDep, result: str = "", kind: str = "") -> Response:
    """Say that the person can go back to the device or service."""
    return runtime.pages.render(
        request,
        "oidc/device_done.html",
        result=result if result in _RESULTS else "refused",
        is_device=kind != "ciba",
    )


@router.get("/requests")
def show_requests(
    request: Request, runtime: RuntimeDep, call: CallOfPageDep, person: SignedInDep
) -> Response:
    """List what services ask of the person now, and what lives on apart from this browser."""
    names = list_organisations(call.session)
    return runtime.pages.render(
        request,
        "oidc/requests.html",
        sign_out_url="/identity/sign-out",
        was_ended="ended" in request.query_params,
        requests=[
            {
                "id": str(waiting.id),
                "client_name": client.name,
                "organisation": names.get(client.organisation, client.organisation),
                "message": _message(call, waiting),
                "created_at": waiting.created_at,
                "valid_until": waiting.valid_until,
            }
            for waiting in list_waiting(call.session, person.account_id, call.now)
            if (client := _of_issuer(call, waiting.profile).find_client(waiting.client_id))
        ],
        apart=[
            {
                "id": str(one.id),
                "client_name": one.name,
                "organisation": names.get(one.organisation, one.organisation),
                "since": one.created_at,
            }
            for one in list_apart(call.session, person.account_id, call.now)
        ],
    )


@router.post("/requests")
def open_request(
    request: Request,
    form: FormDep,
    call: CallOfPageDep,
    person: SignedInDep,
    visitor: VisitorDep,
) -> Response:
    """Begin to answer one of the requests."""
    waiting = find_asked(call.session, _id_of(form.text("request")), person.account_id, call.now)
    call = _of_issuer(call, waiting.profile)
    flow_id = begin_flow(call, find_asker(call, waiting.id), visitor.browser_hash)
    return remember(request, RedirectResponse(continue_url(flow_id), 303), None)


@router.post("/requests/end")
def end_access(form: FormDep, call: CallOfPageDep, person: SignedInDep) -> Response:
    """End what a device or service may do; one that ended already stays so."""
    end_apart(call.session, _id_of(form.text("access")), person.account_id, call.now)
    return RedirectResponse("/identity/requests?ended=yes", 303)


def _id_of(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise NotFound("request_unknown", "There is no such request") from error


def _asker(call: Call, flow: FlowView) -> Asker:
    if flow.request.polled_request is None:
        raise NotFound("request_unknown", "There is no such request")
    return find_asker(_of_issuer(call, flow.profile), flow.request.polled_request)


def _message(call: Call, waiting: Waiting) -> str:
    return open_part(call.provider.sealer, waiting.message_sealed, waiting.id, "message")


def _show(request: Request, call: Call, flow: FlowView, asker: Asker, template: str) -> Response:
    waiting = asker.waiting
    given = flow.shared_scopes if flow.consented_at is not None else None
    wanted = (*flow.requested_attributes, *flow.requested_details)
    return show_page(
        request,
        template,
        flow,
        organisation=get_organisation_name(call.session, flow.organisation),
        device=waiting.device,
        is_device=waiting.kind == "device",
        message=_message(call, waiting),
        asked_at=waiting.created_at,
        scopes=[one for one in wanted if given is None or one in given],
        details=waiting.asked.authorization_details,
    )
