"""The pages for a person who no longer gets email at the address of the account."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import check_email, normalise_email
from identity.codes.actions import renew_check, start_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import find_waiting
from identity.codes.rules import Target
from identity.recovery import lost_email_now_pages
from identity.recovery.actions import start_waiting
from identity.signin.access import (
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    remember,
    show_page,
)
from identity.signin.actions import check_address_limit
from identity.signin.guesses import guess_password
from shared.errors import FieldError, Invalid
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
router.include_router(lost_email_now_pages.router)
_PATH = "/identity/lost-email"
_NOT_RIGHT = FieldError(
    "email",
    "The email address or the password is not right. After 5 wrong tries you have to wait"
    " 30 minutes",
)


@router.get("/lost-email")
def show_form(request: Request, settings: PeopleSettingsDep, _visitor: VisitorDep) -> Response:
    """Ask for the lost address, the password and an address that works."""
    return _form(request, settings.email_recovery_days)


@router.post("/lost-email")
def begin(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> Response:
    """Send a code to the new address if the password is right, or show the form again."""
    with runtime.database.transaction() as session:
        check_address_limit(session, vault, visitor, settings.forms_per_address, now)
    days = settings.email_recovery_days
    new_email, faults = _read(form)
    if faults:
        return _form(request, days, form.plain(), faults)
    email = normalise_email(form.text("email"))
    guess = guess_password(
        runtime.database, vault, visitor.browser_hash, email, form.text("password"), now
    )
    if guess is None:
        return _form(request, days, form.plain(), (_NOT_RIGHT,))
    with runtime.database.transaction() as session:
        check_id = start_check(
            session,
            vault,
            purpose="recover_email",
            target=Target("email", new_email),
            account_id=guess.account_id,
            browser_hash=visitor.browser_hash,
            language=visitor.language,
            now=now,
        )
    return remember(request, RedirectResponse(f"{_PATH}/code?check={check_id}", 303), None)


@router.get("/lost-email/code")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Ask for the code that the new address got."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "recover_email", now)
    if waiting is None:
        return show_over(request, _PATH)
    return show_code_page(request, _page(check), waiting.target)


@router.post("/lost-email/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Begin the time of notices, or show the form again."""
    browser = visitor.browser_hash
    waiting = find_waiting(session, vault, check, browser, "recover_email", now)
    if waiting is None:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None:
        used = use_check(
            session,
            vault,
            check_id=check,
            browser_hash=browser,
            purpose="recover_email",
            code=code,
            now=now,
        )
        if used is not None:
            days = timedelta(days=settings.email_recovery_days)
            address = used.target.address
            start_waiting(session, vault, used.account_id, "email", now, after=address, waits=days)
            return RedirectResponse(f"{_PATH}/waiting?check={check}", 303)
    return show_code_page(request, _page(check), waiting.target, [fault or WRONG])


@router.post("/lost-email/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a new code to the new address."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="recover_email",
        now=now,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(f"{_PATH}/code?check={check}&sent=again", 303)


def _read(form: Form) -> tuple[str, tuple[FieldError, ...]]:
    faults = [
        FieldError(field, message)
        for field, message in (
            ("email", "Enter the email address of your account"),
            ("password", "Enter your password"),
        )
        if not form.text(field)
    ]
    try:
        return check_email(form.text("new_email")), tuple(faults)
    except Invalid as invalid:
        faults += [FieldError("new_email", fault.message) for fault in invalid.fields]
        return "", tuple(faults)


def _page(check: UUID) -> CodePage:
    return CodePage(f"{_PATH}/code", f"check={check}", _PATH, "Continue")


def _form(
    request: Request,
    days: int,
    values: dict[str, str] | None = None,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request, "recovery/lost_email.html", None, days=days, values=values or {}, faults=faults
    )
