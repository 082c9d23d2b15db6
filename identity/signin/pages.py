"""The pages of signing in and out."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import normalise_email
from identity.oidc import flows
from identity.oidc.access import ProviderDep
from identity.oidc.provider import Call
from identity.oidc.rpinitiated_logout import LogoutRequest
from identity.oidc.session_pages import finish_logout
from identity.signin import actions, code_pages, password_pages, session_pages, sign_up_pages
from identity.signin.access import (
    FlowDep,
    MaybeSessionDep,
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    forget_session_cookie,
    remember,
    show_page,
    with_flow,
)
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
# The code pages come last: their pattern would take the new password's address for its own.
router.include_router(sign_up_pages.router)
router.include_router(password_pages.router)
router.include_router(session_pages.router)
router.include_router(code_pages.router)

_WRONG = FieldError(
    "email",
    "The email address or the password is not right. After 5 wrong tries you have to wait"
    " 30 minutes, or set a new password",
)


@router.get("/sign-in")
def show_sign_in(request: Request, flow: FlowDep, _visitor: VisitorDep) -> Response:
    """Show the form that asks for email address and password."""
    return show_page(
        request, "signin/sign_in.html", flow, values={}, changed="changed" in request.query_params
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
        attempt_id = actions.start_sign_in(
            runtime.database, vault, visitor, email=email, password=password, now=now
        )
        if attempt_id is not None:
            target = with_flow("/identity/sign-in/code", flow, attempt=attempt_id)
            return remember(request, RedirectResponse(target, 303), flow)
        faults = [_WRONG]
    return show_page(
        request,
        "signin/sign_in.html",
        flow,
        values={"email": form.text("email")},
        changed=False,
        faults=faults,
    )


@router.post("/cancel")
def cancel(session: SessionDep, now: NowDep, flow: UUID, form: FormDep) -> Response:
    """Leave the flow without going on; the service that asked is told so."""
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
