"""The pages for a person who no longer gets email at the address of the account."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import check_email, normalise_email
from identity.codes.actions import start_check
from identity.codes.code_pages import CodePage, CodeVisitDep
from identity.codes.queries import CheckView
from identity.codes.rules import Target
from identity.recovery import lost_email_now_pages
from identity.recovery.actions import start_waiting
from identity.recovery.words import NOT_RIGHT
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
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, public

router = APIRouter(dependencies=[Depends(public)])
router.include_router(lost_email_now_pages.router)
_PATH = "/identity/lost-email"


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
        return _form(request, days, form.plain(), (NOT_RIGHT,))
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
def show_code(visit: CodeVisitDep) -> Response:
    """Ask for the code that the new address got."""
    return visit.ask(_page(visit.check))


@router.post("/lost-email/code")
def use_code(visit: CodeVisitDep, form: FormDep, settings: PeopleSettingsDep) -> Response:
    """Begin the time of notices, or show the form again."""

    def wait(used: CheckView) -> Response:
        start_waiting(
            visit.session,
            visit.vault,
            used.account_id,
            "email",
            visit.now,
            after=used.target.address,
            waits=timedelta(days=settings.email_recovery_days),
        )
        return RedirectResponse(f"{_PATH}/waiting?check={visit.check}", 303)

    return visit.use(_page(visit.check), form, wait)


@router.post("/lost-email/code/again")
def send_again(visit: CodeVisitDep) -> Response:
    """Send a new code to the new address."""
    return visit.send_again(_page(visit.check))


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
    return CodePage("recover_email", f"{_PATH}/code", f"check={check}", "Continue", _PATH)


def _form(
    request: Request,
    days: int,
    values: dict[str, str] | None = None,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request, "recovery/lost_email.html", None, days=days, values=values or {}, faults=faults
    )
