"""The pages on which an owner changes the email address; the new one is confirmed with a code."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import check_email
from identity.codes.actions import renew_check, start_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import find_waiting
from identity.codes.rules import Target
from identity.details.access import FreshDep
from identity.recovery.actions import change_email, check_not_frozen
from identity.signin.access import SignedInDep, VaultDep, VisitorDep, show_page
from shared.errors import FieldError, Invalid
from shared.web.deps import FormDep, NowDep, SessionDep

router = APIRouter()
_PATH = "/identity/account/email"
_TAKEN = FieldError(
    "code", "This address belongs to another account. Close that one first, or use another address"
)


@router.get("/account/email")
def show_email(request: Request, _person: FreshDep) -> Response:
    """Ask for the new address."""
    return _form(request)


@router.post("/account/email")
def give_email(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: FreshDep,
    now: NowDep,
) -> Response:
    """Send a code to the new address, or show the form again."""
    check_not_frozen(session, person.account_id, now)
    try:
        email = check_email(form.text("email"))
    except Invalid as invalid:
        return _form(request, form.text("email"), invalid.fields)
    check_id = start_check(
        session,
        vault,
        purpose="change_email",
        target=Target("email", email),
        account_id=person.account_id,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        now=now,
    )
    return RedirectResponse(f"{_PATH}/code?check={check_id}", 303)


@router.get("/account/email/code")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Ask for the code that the new address got."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "change_email", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    return show_code_page(request, _page(check), waiting.target)


@router.post("/account/email/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Change the address, or show the form again."""
    browser = visitor.browser_hash
    waiting = find_waiting(session, vault, check, browser, "change_email", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None:
        used = use_check(
            session,
            vault,
            check_id=check,
            browser_hash=browser,
            purpose="change_email",
            code=code,
            now=now,
        )
        fault = WRONG
        if used is not None:
            fault = _TAKEN
            if change_email(session, vault, person.account_id, used.target.address, now):
                return RedirectResponse("/identity/account?changed=email", 303)
    return show_code_page(request, _page(check), waiting.target, [fault])


@router.post("/account/email/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    _person: SignedInDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a new code to the new address."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="change_email",
        now=now,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(f"{_PATH}/code?check={check}&sent=again", 303)


def _page(check: UUID) -> CodePage:
    return CodePage(f"{_PATH}/code", f"check={check}", _PATH, "Use this address")


def _form(request: Request, typed: str = "", faults: tuple[FieldError, ...] = ()) -> Response:
    return show_page(
        request,
        "details/email.html",
        None,
        typed=typed,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )
