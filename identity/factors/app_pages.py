"""The pages of the authenticator app and of the backup codes; changes want a fresh sign-in."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import get_profile
from identity.accounts.vault import Vault
from identity.factors import actions, rules
from identity.factors.queries import count_backup_codes, has_totp
from identity.factors.rules import FRESH_MINUTES
from identity.signin.access import SignedInDep, VaultDep, fresh_sign_in, show_page
from identity.signin.queries import SignedInSession
from shared.crypto import SealBrokenError
from shared.errors import FieldError, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
SECURITY_PATH = "/identity/account/security"
FreshDep = Annotated[SignedInSession, Depends(fresh_sign_in(FRESH_MINUTES))]
_ENROLMENT = "totp.enrolment"


def _seal(vault: Vault, person: SignedInSession, secret: str, now: datetime) -> str:
    """Return a secret that waits for its first code, as the form carries it: nobody can read it."""
    ends_at = (now + rules.ENROLMENT_LIFE).timestamp()
    plain = json.dumps([secret, ends_at])
    return urlsafe_b64encode(vault.seal(plain, _ENROLMENT, person.account_id)).decode()


def _open(vault: Vault, person: SignedInSession, sealed: str, now: datetime) -> str:
    """Return the secret of a form, empty when it is somebody else's, changed or too old."""
    try:
        plain = vault.open(urlsafe_b64decode(sealed), _ENROLMENT, person.account_id)
    except (SealBrokenError, ValueError):
        return ""
    secret, ends_at = json.loads(plain)
    return str(secret) if now.timestamp() < ends_at else ""


@router.get("/account/security/authenticator-app")
def show_app(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    person: FreshDep,
    now: NowDep,
) -> Response:
    """Show the secret as a picture and as text, and ask for the app's first code."""
    if has_totp(session, person.account_id):
        return RedirectResponse(SECURITY_PATH, 303)
    return _app_page(request, runtime, session, vault, person, now, rules.make_secret())


@router.post("/account/security/authenticator-app")
def add_app(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    person: FreshDep,
    now: NowDep,
) -> Response:
    """Keep the app once its code was right."""
    secret = _open(vault, person, form.text("enrolment"), now)
    if not secret:
        fault = FieldError(
            "code", "This page was open for too long. Scan the new picture, then enter its code"
        )
        fresh = rules.make_secret()
        return _app_page(request, runtime, session, vault, person, now, fresh, fault=fault)
    step = rules.match_step(secret, form.text("code"), now)
    if step is None:
        message = "The code is not right. Enter the newest code that the app shows"
        if not form.text("code"):
            message = "Enter the code that the app shows"
        fault = FieldError("code", message)
        return _app_page(request, runtime, session, vault, person, now, secret, fault=fault)
    actions.turn_on_totp(
        session, vault, person.account_id, secret=secret, step=step, level=person.level, now=now
    )
    return RedirectResponse(f"{SECURITY_PATH}?done=app-added", 303)


def _app_page(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    person: SignedInSession,
    now: datetime,
    secret: str,
    *,
    fault: FieldError | None = None,
) -> Response:
    profile = get_profile(session, person.account_id, runtime.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    address = rules.app_address(secret, profile.email)
    return show_page(
        request,
        "factors/new_app.html",
        None,
        sign_out_url="/identity/sign-out",
        qr=rules.draw_qr(address),
        secret=rules.in_groups(secret),
        app_name=rules.SERVICE_NAME,
        enrolment=_seal(vault, person, secret, now),
        back_url=SECURITY_PATH,
        faults=[fault] if fault else [],
    )


@router.get("/account/security/authenticator-app/remove")
def show_remove_app(request: Request, session: SessionDep, person: FreshDep) -> Response:
    """Ask before the app is removed."""
    if not has_totp(session, person.account_id):
        return RedirectResponse(SECURITY_PATH, 303)
    return show_page(
        request,
        "factors/remove.html",
        None,
        sign_out_url="/identity/sign-out",
        what="app",
        name="",
        back_url=SECURITY_PATH,
    )


@router.post("/account/security/authenticator-app/remove")
def remove_app(session: SessionDep, person: FreshDep) -> Response:
    """Remove the app."""
    actions.turn_off_totp(session, person.account_id)
    return RedirectResponse(f"{SECURITY_PATH}?done=app-removed", 303)


@router.get("/account/security/backup-codes")
def show_backup_codes(request: Request, session: SessionDep, person: SignedInDep) -> Response:
    """Say how many backup codes are left, and offer new ones; the codes themselves are gone."""
    return show_page(
        request,
        "factors/backup_codes.html",
        None,
        sign_out_url="/identity/sign-out",
        left=count_backup_codes(session, person.account_id),
        codes=[],
        back_url=SECURITY_PATH,
    )


@router.post("/account/security/backup-codes")
def make_backup_codes(
    request: Request, session: SessionDep, vault: VaultDep, person: FreshDep, now: NowDep
) -> Response:
    """Make ten codes and show them this once: only their hashes stay."""
    codes = actions.replace_backup_codes(session, vault, person.account_id, now)
    return show_page(
        request,
        "factors/backup_codes.html",
        None,
        sign_out_url="/identity/sign-out",
        left=len(codes),
        codes=codes,
        back_url=SECURITY_PATH,
    )
