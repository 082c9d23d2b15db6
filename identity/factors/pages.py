"""The page of an account's security, and the routers of its parts."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.accounts.queries import get_profile
from identity.factors import app_pages, confirm_pages, passkey_pages, way_pages
from identity.factors.queries import count_backup_codes, find_totp, has_password, list_passkeys
from identity.factors.rules import BACKUP_CODES
from identity.signin.access import SignedInDep, VaultDep
from identity.signin.queries import list_sessions
from shared.errors import NotFound
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()
router.include_router(passkey_pages.router)
router.include_router(app_pages.router)
router.include_router(way_pages.router)
router.include_router(confirm_pages.router)

_DONE = {
    "passkey-added": "The passkey was added",
    "passkey-removed": "The passkey was removed",
    "app-added": "The authenticator app was added",
    "app-removed": "The authenticator app was removed",
}


@router.get("/account/security")
def show_security(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    person: SignedInDep,
) -> Response:
    """Show every way to sign in to the account, and lead to its page."""
    profile = get_profile(session, person.account_id, runtime.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    app = find_totp(session, vault, person.account_id)
    return runtime.pages.render(
        request,
        "factors/security.html",
        sign_out_url="/identity/sign-out",
        done=_DONE.get(request.query_params.get("done", ""), ""),
        email=profile.email,
        has_password=has_password(session, person.account_id),
        passkeys=[
            {
                "id": str(one.id),
                "name": one.name,
                "added_at": one.created_at,
                "used_at": one.last_used_at,
                "can_sync": one.key.can_sync,
            }
            for one in list_passkeys(session, vault, person.account_id)
        ],
        app={"added_at": app.created_at, "used_at": app.last_used_at} if app else None,
        codes_left=count_backup_codes(session, person.account_id),
        codes_made=BACKUP_CODES,
        session_count=len(list_sessions(session, person.account_id, now)),
    )
