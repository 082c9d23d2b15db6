"""The pages that add and remove a passkey; both want a fresh sign-in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import get_profile
from identity.accounts.vault import Vault
from identity.factors import actions, ceremonies
from identity.factors.ceremonies import Challenges, PasskeyRefusedError
from identity.factors.queries import PasskeyView, list_passkeys
from identity.factors.rules import FRESH_MINUTES, check_name, origin_of
from identity.oidc.flows import FlowView, continue_url
from identity.signin.access import (
    FlowDep,
    VaultDep,
    VisitorDep,
    fresh_sign_in,
    show_page,
    with_flow,
)
from identity.signin.actions import Visitor
from identity.signin.queries import SignedInSession
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
SECURITY_PATH = "/identity/account/security"
_NEW_PATH = f"{SECURITY_PATH}/passkeys/new"
FreshDep = Annotated[SignedInSession, Depends(fresh_sign_in(FRESH_MINUTES))]
_NOT_ADDED = FieldError(
    "passkey-form-button",
    "The passkey could not be added. Try again, and let the device ask for your fingerprint, your"
    " face or its PIN",
)
_LAST_WAY = FieldError(
    "remove",
    "This is the only way to sign in to your account. Add another passkey or set a password first",
)
_THERE_ALREADY = FieldError("passkey-form-button", "This passkey was added before")


@router.get("/account/security/passkeys/new")
def show_new_passkey(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: FreshDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Ask for a name, and have the browser make the passkey."""
    options = _options(runtime, session, vault, visitor, person, now)
    return _page(request, flow, options, name=visitor.device)


@router.post("/account/security/passkeys/new")
def add_passkey(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: FreshDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Keep the passkey that the browser made, or ask again."""
    try:
        name = check_name(form.text("name"))
        answer = form.text("credential")
        fault = _keep(runtime, session, vault, visitor, person, now, name=name, answer=answer)
    except Invalid as invalid:
        fault = invalid.fields[0]
    if fault is not None:
        options = _options(runtime, session, vault, visitor, person, now)
        return _page(request, flow, options, name=form.text("name"), faults=(fault,))
    target = continue_url(flow.id) if flow else f"{SECURITY_PATH}?done=passkey-added"
    return RedirectResponse(target, 303)


def _keep(
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: Visitor,
    person: SignedInSession,
    now: NowDep,
    *,
    name: str,
    answer: str,
) -> FieldError | None:
    """Add the passkey of an answer; returns what is wrong with it."""
    origin = origin_of(runtime.settings.public_url)
    try:
        credential, challenge = ceremonies.read_registration(answer)
        ends_at = _challenges(vault, visitor, person).end_of(challenge, now)
        if ends_at is None or not actions.spend_challenge(session, challenge, ends_at):
            return _NOT_ADDED
        key = ceremonies.verify_registration(credential, challenge, origin)
    except PasskeyRefusedError:
        return _NOT_ADDED
    added = actions.add_passkey(
        session, vault, person.account_id, key, name=name, level=person.level, now=now
    )
    return None if added else _THERE_ALREADY


def _challenges(vault: Vault, visitor: Visitor, person: SignedInSession) -> Challenges:
    return Challenges(vault, "register", visitor.browser_hash, person.account_id.bytes)


def _options(
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: Visitor,
    person: SignedInSession,
    now: NowDep,
) -> str:
    profile = get_profile(session, person.account_id, runtime.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    return ceremonies.ask_to_register(
        origin_of(runtime.settings.public_url),
        _challenges(vault, visitor, person).make(now),
        actions.user_handle(vault, person.account_id),
        profile.email,
        [one.key for one in list_passkeys(session, vault, person.account_id)],
    )


def _page(
    request: Request,
    flow: FlowView | None,
    options: str,
    *,
    name: str,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request,
        "factors/new_passkey.html",
        flow,
        sign_out_url="/identity/sign-out",
        options=options,
        action=with_flow(_NEW_PATH, flow),
        back_url=SECURITY_PATH,
        name=name,
        faults=faults,
    )


def find_own(session: SessionDep, vault: VaultDep, person: FreshDep, passkey: UUID) -> PasskeyView:
    """Return the passkey that the address names, if it is the person's own."""
    owned = list_passkeys(session, vault, person.account_id)
    found = next((one for one in owned if one.id == passkey), None)
    if found is None:
        raise NotFound("passkey_unknown", "There is no such passkey")
    return found


@router.get("/account/security/passkeys/{passkey}/remove")
def show_remove_passkey(
    request: Request, owned: Annotated[PasskeyView, Depends(find_own)]
) -> Response:
    """Ask before a passkey is removed."""
    return _remove_page(request, owned)


@router.post("/account/security/passkeys/{passkey}/remove")
def remove_passkey(
    request: Request,
    session: SessionDep,
    owned: Annotated[PasskeyView, Depends(find_own)],
) -> Response:
    """Remove a passkey, unless nobody could sign in without it."""
    try:
        actions.remove_passkey(session, owned.account_id, owned.id)
    except Conflict:
        return _remove_page(request, owned, faults=(_LAST_WAY,))
    return RedirectResponse(f"{SECURITY_PATH}?done=passkey-removed", 303)


def _remove_page(
    request: Request, owned: PasskeyView, *, faults: tuple[FieldError, ...] = ()
) -> Response:
    return show_page(
        request,
        "factors/remove.html",
        None,
        sign_out_url="/identity/sign-out",
        what="passkey",
        name=owned.name,
        back_url=SECURITY_PATH,
        faults=faults,
    )
