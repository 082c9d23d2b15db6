"""The page that creates an account."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.breached import check_password
from identity.accounts.passwords import hash_password
from identity.accounts.rules import PASSWORD_MINIMUM, check_email
from identity.oidc import flows
from identity.signin import actions
from identity.signin.access import (
    FlowDep,
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    begin_values,
    remember,
    show_page,
    with_flow,
)
from shared.errors import FieldError, Invalid
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, public

router = APIRouter(dependencies=[Depends(public)])


@router.get("/create-account")
def show_create_account(request: Request, flow: FlowDep, _visitor: VisitorDep) -> Response:
    """Show the form for a new account."""
    return show_page(
        request,
        "signin/create_account.html",
        flow,
        values=begin_values(flow),
        minimum=PASSWORD_MINIMUM,
    )


@router.post("/create-account")
def create_account(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Begin a sign-up and have a code sent, or show the form again."""
    with runtime.database.transaction() as session:
        actions.check_address_limit(session, vault, visitor, settings.forms_per_address, now)
        if flow is not None:
            flows.keep_flow(session, flow.id, now)
    try:
        email, password = _read(form)
    except Invalid as invalid:
        return show_page(
            request,
            "signin/create_account.html",
            flow,
            values={"email": form.text("email")},
            minimum=PASSWORD_MINIMUM,
            faults=invalid.fields,
        )
    # Hashed before the transaction: waiting for the pool must not hold a connection.
    password_hash = hash_password(password)
    with runtime.database.transaction() as session:
        attempt_id = actions.start_sign_up(
            session, vault, visitor, email=email, password_hash=password_hash, now=now
        )
    target = with_flow("/identity/create-account/code", flow, attempt=attempt_id)
    return remember(request, RedirectResponse(target, 303), flow)


def _read(form: Form) -> tuple[str, str]:
    """Return address and password; refuses with every fault of both fields."""
    faults: list[FieldError] = []
    email, password = "", ""
    try:
        email = check_email(form.text("email"))
    except Invalid as invalid:
        faults += invalid.fields
    try:
        password = check_password(form.text("password"), email)
    except Invalid as invalid:
        faults += invalid.fields
    if faults:
        raise Invalid(*faults)
    return email, password
