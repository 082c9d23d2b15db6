"""The pages on which an owner changes the email address; the new one is confirmed with a code."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import check_email
from identity.codes.actions import start_check
from identity.codes.code_pages import CodePage, CodeVisitDep
from identity.codes.queries import CheckView
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
def show_code(visit: CodeVisitDep, person: SignedInDep) -> Response:
    """Ask for the code that the new address got."""
    return visit.ask(_page(visit.check), person.account_id)


@router.post("/account/email/code")
def use_code(visit: CodeVisitDep, form: FormDep, person: SignedInDep) -> Response:
    """Change the address, or show the form again."""

    def change(used: CheckView) -> Response | FieldError:
        address = used.target.address
        if change_email(visit.session, visit.vault, person.account_id, address, visit.now):
            return RedirectResponse("/identity/account?changed=email", 303)
        return _TAKEN

    return visit.use(_page(visit.check), form, change, person.account_id)


@router.post("/account/email/code/again")
def send_again(visit: CodeVisitDep, _person: SignedInDep) -> Response:
    """Send a new code to the new address."""
    return visit.send_again(_page(visit.check))


def _page(check: UUID) -> CodePage:
    return CodePage("change_email", f"{_PATH}/code", f"check={check}", "Use this address", _PATH)


def _form(request: Request, typed: str = "", faults: tuple[FieldError, ...] = ()) -> Response:
    return show_page(
        request,
        "details/email.html",
        None,
        typed=typed,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )
