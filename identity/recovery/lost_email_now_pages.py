"""A lost address replaced at once: the identity that was checked, and a code to the telephone."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.vault import Vault
from identity.codes.actions import start_check
from identity.codes.code_pages import CodePage, CodeVisit, CodeVisitDep, show_over
from identity.codes.queries import CheckView
from identity.phones.queries import get_phone
from identity.recovery.actions import apply_now, end_change
from identity.recovery.identity_pages import is_matched, read_identity
from identity.recovery.queries import find_waiting_change, get_change, verified_identity
from identity.signin.access import show_page
from shared.errors import FieldError
from shared.web.deps import FormDep, public

router = APIRouter(dependencies=[Depends(public)])
_PATH = "/identity/lost-email"
_NO_MATCH = FieldError("given_name", "These are not the details that were checked")


@router.get("/lost-email/waiting")
def show_waiting(visit: CodeVisitDep) -> Response:
    """Say until when the change waits, and offer the way that does not wait."""
    proof = visit.proof("recover_email")
    if proof is None:
        return show_over(visit.request, _PATH)
    return _waiting_page(visit, proof)


@router.post("/lost-email/waiting")
def match_identity(visit: CodeVisitDep, form: FormDep) -> Response:
    """Send a code to the telephone if the typed identity is the checked one."""
    proof = visit.proof("recover_email")
    if proof is None:
        return show_over(visit.request, _PATH)
    session, vault, now, account_id = visit.session, visit.vault, visit.now, proof.account_id
    waiting = find_waiting_change(session, vault, account_id, "email")
    phone = get_phone(session, account_id, vault.sealer)
    if waiting is None or phone is None:
        return _waiting_page(visit, proof)
    typed, faults = read_identity(form)
    if faults or not is_matched(session, vault, account_id, typed, now):
        return _waiting_page(visit, proof, form.plain(), faults or (_NO_MATCH,))
    check_id = start_check(
        session,
        vault,
        purpose="recover_now",
        target=phone.target,
        account_id=account_id,
        browser_hash=visit.visitor.browser_hash,
        language=visit.visitor.language,
        now=now,
        network=visit.visitor.address,
        subject_id=waiting.id,
    )
    return RedirectResponse(f"{_PATH}/now?check={check_id}", 303)


@router.get("/lost-email/now")
def show_code(visit: CodeVisitDep) -> Response:
    """Ask for the code that the telephone got."""
    return visit.ask(_page(visit.check))


@router.post("/lost-email/now")
def use_code(visit: CodeVisitDep, form: FormDep) -> Response:
    """Change the address at once, or ask for the code again."""

    def change(used: CheckView) -> Response:
        session, vault, now = visit.session, visit.vault, visit.now
        done = used.subject_id is not None and _apply(session, vault, used.subject_id, now)
        status = 200 if done else 409
        return show_page(
            visit.request, "recovery/email_done.html", None, status=status, is_done=done
        )

    return visit.use(_page(visit.check), form, change)


@router.post("/lost-email/now/again")
def send_again(visit: CodeVisitDep) -> Response:
    """Send a new code to the telephone."""
    return visit.send_again(_page(visit.check))


def _apply(session: Session, vault: Vault, change_id: UUID, now: datetime) -> bool:
    change = get_change(session, vault, change_id)
    if change is None or not end_change(session, change_id, "waiting", "stopped", now):
        return False
    return apply_now(session, vault, change, now)


def _page(check: UUID) -> CodePage:
    return CodePage(
        "recover_now",
        f"{_PATH}/now",
        f"check={check}",
        "Change the address now",
        _PATH,
        shows_target=False,
    )


def _waiting_page(
    visit: CodeVisit,
    proof: CheckView,
    values: dict[str, str] | None = None,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    session, vault = visit.session, visit.vault
    change = find_waiting_change(session, vault, proof.account_id, "email")
    has_phone = get_phone(session, proof.account_id, vault.sealer) is not None
    has_identity = verified_identity(session, vault, proof.account_id) is not None
    return show_page(
        visit.request,
        "recovery/waiting.html",
        None,
        happens_at=change.happens_at if change else None,
        can_be_now=change is not None and has_phone and has_identity,
        action=f"{_PATH}/waiting?check={proof.id}",
        values=values or {},
        faults=faults,
    )
