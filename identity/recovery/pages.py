"""The pages of recovery: ways in, what waits, and what the owner did not do."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.vault import Vault
from identity.recovery import lost_email_pages, not_me_pages
from identity.recovery.actions import end_change
from identity.recovery.queries import ChangeView, list_changes
from identity.signin.access import SignedInDep, VaultDep, show_page
from shared.errors import NotFound
from shared.web.deps import FormDep, NowDep, SessionDep, public

router = APIRouter()
router.include_router(lost_email_pages.router)
router.include_router(not_me_pages.router)


@router.get("/cannot-sign-in", dependencies=[Depends(public)])
def show_ways(request: Request) -> Response:
    """Show the ways back into an account."""
    return show_page(request, "recovery/ways.html", None)


@router.get("/account/changes")
def show_changes(
    request: Request, session: SessionDep, vault: VaultDep, person: SignedInDep, now: NowDep
) -> Response:
    """Show which changes wait or can be undone."""
    return show_page(
        request,
        "recovery/changes.html",
        None,
        changes=view_changes(session, vault, person.account_id, now),
        was_stopped="stopped" in request.query_params,
        sign_out_url="/identity/sign-out",
    )


@router.post("/account/changes")
def stop_change(
    form: FormDep, session: SessionDep, vault: VaultDep, person: SignedInDep, now: NowDep
) -> Response:
    """Stop a change of the person's own that waits; one that is over stays so."""
    wanted = form.text("change")
    found = [
        change
        for change in list_changes(session, vault, person.account_id, now)
        if str(change.id) == wanted and change.state == "waiting"
    ]
    if not found:
        raise NotFound("change_unknown", "There is no such change")
    end_change(session, found[0].id, "waiting", "stopped", now)
    return RedirectResponse("/identity/account/changes?stopped=yes", 303)


def view_changes(
    session: SessionDep, vault: Vault, account_id: UUID, now: NowDep
) -> list[dict[str, object]]:
    """Return changes as a page shows them: neither address nor number, only what kind."""
    return [_shown(change) for change in list_changes(session, vault, account_id, now)]


def _shown(change: ChangeView) -> dict[str, object]:
    return {
        "id": str(change.id),
        "kind": change.kind,
        "waits": change.state == "waiting",
        "at": change.created_at,
        "happens_at": change.happens_at,
    }
