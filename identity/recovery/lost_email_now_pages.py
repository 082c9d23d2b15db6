"""A lost address replaced at once: the identity that was checked, and a code to the telephone."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.codes.actions import renew_check, start_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import CheckView, find_proof, find_waiting
from identity.phones.queries import get_phone
from identity.recovery.actions import apply_now, end_change
from identity.recovery.identity_pages import is_matched, read_identity
from identity.recovery.queries import find_waiting_change, get_change, verified_identity
from identity.signin.access import VaultDep, VisitorDep, show_page
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
_PATH = "/identity/lost-email"
_NO_MATCH = FieldError("given_name", "These are not the details that were checked")


@router.get("/lost-email/waiting")
def show_waiting(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Say until when the change waits, and offer the way that does not wait."""
    proof = find_proof(session, vault, check, visitor.browser_hash, "recover_email", now)
    if proof is None:
        return show_over(request, _PATH)
    return _waiting_page(request, session, vault, proof)


@router.post("/lost-email/waiting")
def match_identity(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a code to the telephone if the typed identity is the checked one."""
    proof = find_proof(session, vault, check, visitor.browser_hash, "recover_email", now)
    if proof is None:
        return show_over(request, _PATH)
    account_id = proof.account_id
    waiting = find_waiting_change(session, vault, account_id, "email")
    phone = get_phone(session, account_id, vault.sealer)
    if waiting is None or phone is None:
        return _waiting_page(request, session, vault, proof)
    typed, faults = read_identity(form)
    if faults or not is_matched(session, vault, account_id, typed, now):
        return _waiting_page(request, session, vault, proof, form.plain(), faults or (_NO_MATCH,))
    check_id = start_check(
        session,
        vault,
        purpose="recover_now",
        target=phone.target,
        account_id=account_id,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        now=now,
        network=visitor.address,
        subject_id=waiting.id,
    )
    return RedirectResponse(f"{_PATH}/now?check={check_id}", 303)


@router.get("/lost-email/now")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Ask for the code that the telephone got."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "recover_now", now)
    if waiting is None:
        return show_over(request, _PATH)
    return show_code_page(request, _page(check), waiting.target)


@router.post("/lost-email/now")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Change the address at once, or ask for the code again."""
    browser = visitor.browser_hash
    waiting = find_waiting(session, vault, check, browser, "recover_now", now)
    if waiting is None:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None:
        used = use_check(
            session,
            vault,
            check_id=check,
            browser_hash=browser,
            purpose="recover_now",
            code=code,
            now=now,
        )
        if used is not None:
            done = used.subject_id is not None and _apply(session, vault, used.subject_id, now)
            return show_page(
                request, "recovery/email_done.html", None, status=200 if done else 409, is_done=done
            )
    return show_code_page(request, _page(check), waiting.target, [fault or WRONG])


@router.post("/lost-email/now/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a new code to the telephone."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="recover_now",
        now=now,
        network=visitor.address,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(f"{_PATH}/now?check={check}&sent=again", 303)


def _apply(session: SessionDep, vault: VaultDep, change_id: UUID, now: NowDep) -> bool:
    change = get_change(session, vault, change_id)
    if change is None or not end_change(session, change_id, "waiting", "stopped", now):
        return False
    return apply_now(session, vault, change, now)


def _page(check: UUID) -> CodePage:
    return CodePage(
        f"{_PATH}/now", f"check={check}", _PATH, "Change the address now", shows_target=False
    )


def _waiting_page(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    proof: CheckView,
    values: dict[str, str] | None = None,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    change = find_waiting_change(session, vault, proof.account_id, "email")
    has_phone = get_phone(session, proof.account_id, vault.sealer) is not None
    has_identity = verified_identity(session, vault, proof.account_id) is not None
    return show_page(
        request,
        "recovery/waiting.html",
        None,
        happens_at=change.happens_at if change else None,
        can_be_now=change is not None and has_phone and has_identity,
        action=f"{_PATH}/waiting?check={proof.id}",
        values=values or {},
        faults=faults,
    )
