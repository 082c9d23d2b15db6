"""The pages of signing in and out."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import normalise_email
from identity.factors import ceremonies, sign_ins
from identity.factors.ceremonies import Challenges
from identity.factors.rules import origin_of
from identity.oidc import flows
from identity.oidc.access import ProviderDep
from identity.oidc.provider import Call
from identity.oidc.rpinitiated_logout import LogoutRequest
from identity.oidc.rules import check_can_continue
from identity.oidc.session_pages import finish_logout
from identity.signin import actions, code_pages, password_pages, session_pages, sign_up_pages
from identity.signin.access import (
    CONFIRM_PATH,
    FlowDep,
    MaybeSessionDep,
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    begin_values,
    forget_session_cookie,
    redirect_signed_in,
    remember,
    show_page,
    with_flow,
)
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public
from shared.web.runtime import runtime_of

router = APIRouter(dependencies=[Depends(public)])
# The code pages come last: their pattern would take the new password's address for its own.
router.include_router(sign_up_pages.router)
router.include_router(password_pages.router)
router.include_router(session_pages.router)
router.include_router(code_pages.router)

# Where the second factor is asked for, when it is not the emailed code.
WAY_PATH = "/identity/sign-in/way"
_WRONG = FieldError(
    "email",
    "The email address or the password is not right. After 5 wrong tries you have to wait"
    " 30 minutes, or set a new password",
)
_WRONG_PASSKEY = FieldError(
    "passkey-form-button",
    "That passkey did not work here. Try again, or sign in with your email address and password",
)


@router.get("/sign-in")
def show_sign_in(
    request: Request,
    flow: FlowDep,
    vault: VaultDep,
    visitor: VisitorDep,
    found: MaybeSessionDep,
    now: NowDep,
) -> Response:
    """Show the form that asks for email address and password, or for a passkey.

    Who is signed in, and is only to show it again, gets the short page, unless they say that they
    are somebody else.
    """
    is_other = "other" in request.query_params or "select_account" in (flow.prompt if flow else ())
    if found is not None and flow is not None and not is_other:
        return RedirectResponse(with_flow(CONFIRM_PATH, flow), 303)
    return _page(
        request,
        flow,
        vault,
        visitor,
        now,
        values=begin_values(flow),
        changed="changed" in request.query_params,
    )


@router.post("/sign-in")
def sign_in(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Check the password and have a code sent, or show the form again."""
    with runtime.database.transaction() as session:
        actions.check_address_limit(session, vault, visitor, settings.forms_per_address, now)
        if flow is not None:
            flows.keep_flow(session, flow.id, now)
    email, password = normalise_email(form.text("email")), form.text("password")
    faults = [
        FieldError(field, message)
        for field, value, message in (
            ("email", email, "Enter your email address"),
            ("password", password, "Enter your password"),
        )
        if not value
    ]
    if not faults:
        started = actions.start_sign_in(
            runtime.database, vault, visitor, email=email, password=password, now=now
        )
        if started is not None:
            path = f"{WAY_PATH}/{started.factor}" if started.factor else "/identity/sign-in/code"
            target = with_flow(path, flow, attempt=started.attempt_id)
            return remember(request, RedirectResponse(target, 303), flow)
        faults = [_WRONG]
    return _page(
        request,
        flow,
        vault,
        visitor,
        now,
        values={"email": form.text("email")},
        changed=False,
        faults=faults,
    )


@router.post("/sign-in/passkey")
def sign_in_with_passkey(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Sign whoever's passkey answered in, or show the page again; it never says whose it was."""
    with runtime.database.transaction() as session:
        actions.check_address_limit(session, vault, visitor, settings.forms_per_address, now)
    with runtime.database.transaction() as session:
        opened = sign_ins.sign_in_with_passkey(
            session,
            vault,
            visitor,
            origin=origin_of(runtime.settings.public_url),
            answer=form.text("credential"),
            flow_id=flow.id if flow else None,
            now=now,
        )
    if opened is not None:
        return redirect_signed_in(request, opened, flow)
    return _page(
        request, flow, vault, visitor, now, values={}, changed=False, faults=[_WRONG_PASSKEY]
    )


def _page(
    request: Request,
    flow: flows.FlowView | None,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    **values: Any,
) -> Response:
    """Show the page of signing in; what a passkey is asked is the same for everybody."""
    origin = origin_of(runtime_of(request).settings.public_url)
    challenge = Challenges(vault, "sign_in", visitor.browser_hash).make(now)
    return show_page(
        request,
        "signin/sign_in.html",
        flow,
        passkey_options=ceremonies.ask_to_sign(origin, challenge),
        passkey_action=with_flow("/identity/sign-in/passkey", flow),
        **values,
    )


@router.post("/cancel")
def cancel(
    session: SessionDep,
    now: NowDep,
    flow: UUID,
    form: FormDep,
    visitor: VisitorDep,
    found: MaybeSessionDep,
) -> Response:
    """Leave the flow without going on; the service that asked is told so.

    Nobody ends a flow that began in another browser and is not theirs.
    """
    view = flows.get_flow(session, flow, now)
    check_can_continue(view, found, visitor.browser_hash, now)
    step = form.text("step")
    error = "account_selection_required" if step == "sign_up" else "access_denied"
    flows.record_refusal(session, flow, error, "The person cancelled", now)
    return RedirectResponse(flows.continue_url(flow), 303)


@router.get("/sign-out")
def show_sign_out(request: Request, runtime: RuntimeDep, found: MaybeSessionDep) -> Response:
    """Ask before signing out, as a link alone must not sign anybody out."""
    return runtime.pages.render(request, "signin/sign_out.html", is_signed_in=found is not None)


@router.post("/sign-out")
def sign_out(
    request: Request,
    session: SessionDep,
    now: NowDep,
    found: MaybeSessionDep,
    provider: ProviderDep,
) -> Response:
    """End the session here and tell the services that were signed in with it."""
    call = Call(provider, provider.issuers["oidc"], session, now)
    here = LogoutRequest(client=None, may_end=True, return_to="/identity/sign-out")
    return forget_session_cookie(request, finish_logout(request, call, here, found))
