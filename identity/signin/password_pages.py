"""The pages that set a new password with a code sent by email."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.breached import check_password
from identity.accounts.passwords import hash_password
from identity.accounts.rules import PASSWORD_MINIMUM, check_email
from identity.oidc import flows
from identity.oidc.flows import FlowView
from identity.recovery.passwords import reset_password
from identity.signin import actions, attempts
from identity.signin.access import (
    FlowDep,
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    remember,
    show_page,
    with_flow,
)
from identity.signin.queries import find_attempt
from identity.signin.rules import CODE_MINUTES, clean_code
from shared.errors import FieldError, Invalid
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
_WRONG = FieldError(
    "code",
    "The code is not right or no longer good. Check the newest email from us, or start again to"
    " get a new code",
)


@router.get("/new-password")
def show_new_password(request: Request, flow: FlowDep, _visitor: VisitorDep) -> Response:
    """Ask which account the new password is for."""
    return show_page(request, "signin/new_password.html", flow, values={})


@router.post("/new-password")
def start_new_password(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Have a code sent if the address has an account; the answer is the same if not."""
    actions.check_address_limit(session, vault, visitor, settings.forms_per_address, now)
    if flow is not None:
        flows.keep_flow(session, flow.id, now)
    try:
        email = check_email(form.text("email"))
    except Invalid as invalid:
        return show_page(
            request,
            "signin/new_password.html",
            flow,
            values={"email": form.text("email")},
            faults=invalid.fields,
        )
    attempt_id = actions.start_reset(session, vault, visitor, email=email, now=now)
    target = with_flow("/identity/new-password/code", flow, attempt=attempt_id)
    return remember(request, RedirectResponse(target, 303), flow)


@router.get("/new-password/code")
def show_code_and_password(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Ask for the code and the new password."""
    email = _email_of(session, vault, visitor, attempt, now)
    if not email:
        return _start_again(request, flow)
    return _page(request, attempt, flow, email=email)


@router.post("/new-password/code")
def set_password(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Set the new password and lead to sign-in, or show the form again."""
    with runtime.database.transaction() as session:
        email = _email_of(session, vault, visitor, attempt, now)
    if not email:
        return _start_again(request, flow)
    faults: list[FieldError] = []
    code = clean_code(form.text("code"))
    if not code:
        faults.append(FieldError("code", "Enter the code from the email"))
    try:
        password = check_password(form.text("password"), email)
    except Invalid as invalid:
        faults += invalid.fields
    if not faults:
        password_hash = hash_password(password)
        with runtime.database.transaction() as session:
            done = reset_password(
                session,
                vault,
                visitor,
                attempt_id=attempt,
                code=code,
                password_hash=password_hash,
                now=now,
            )
        if done:
            return RedirectResponse(with_flow("/identity/sign-in", flow, changed="yes"), 303)
        faults = [_WRONG]
    return _page(request, attempt, flow, email=email, faults=tuple(faults))


@router.post("/new-password/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Send a new code, which replaces the one before; to nobody where there is no account."""
    sent = attempts.renew_code(
        session,
        vault,
        attempt_id=attempt,
        browser_hash=visitor.browser_hash,
        purpose="reset_password",
        now=now,
    )
    if not sent:
        return _start_again(request, flow)
    target = with_flow("/identity/new-password/code", flow, attempt=attempt, sent="again")
    return RedirectResponse(target, 303)


def _email_of(
    session: SessionDep, vault: VaultDep, visitor: VisitorDep, attempt: UUID, now: NowDep
) -> str:
    found = find_attempt(session, attempt, visitor.browser_hash, "reset_password", now)
    return vault.open(found.email_sealed, attempts.EMAIL_RECORD, found.id) if found else ""


def _page(
    request: Request,
    attempt: UUID,
    flow: FlowView | None,
    *,
    email: str,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request,
        "signin/new_password_code.html",
        flow,
        email=email,
        minutes=CODE_MINUTES,
        minimum=PASSWORD_MINIMUM,
        code_action=with_flow("/identity/new-password/code", flow, attempt=attempt),
        again_action=with_flow("/identity/new-password/code/again", flow, attempt=attempt),
        was_sent_again=request.query_params.get("sent") == "again" and not faults,
        back_url=with_flow("/identity/new-password", flow),
        faults=faults,
    )


def _start_again(request: Request, flow: FlowView | None) -> Response:
    return show_page(
        request,
        "signin/start_again.html",
        flow,
        status=410,
        start_url=with_flow("/identity/new-password", flow),
    )
