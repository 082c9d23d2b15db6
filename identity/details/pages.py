"""The pages on which an owner changes name, language and password; the address has its own."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.breached import check_password
from identity.accounts.passwords import hash_password
from identity.accounts.queries import Profile, get_profile
from identity.accounts.rules import PASSWORD_MINIMUM
from identity.details import actions, email_pages
from identity.details.access import is_fresh
from identity.signin.access import SignedInDep, VaultDep, VisitorDep, show_page
from identity.signin.guesses import guess_password
from identity.signin.queries import SignedInSession
from shared.errors import FieldError, Invalid, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.language import LANGUAGES

router = APIRouter()
router.include_router(email_pages.router)
_DONE = "/identity/account?changed="


def _profile(session: SessionDep, vault: VaultDep, person: SignedInSession) -> Profile:
    profile = get_profile(session, person.account_id, vault.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    return profile


@router.get("/account/name")
def show_name(
    request: Request, session: SessionDep, vault: VaultDep, person: SignedInDep
) -> Response:
    """Ask how the person wants to be called."""
    return _name_page(request, _profile(session, vault, person).display_name)


@router.post("/account/name")
def change_name(
    request: Request, form: FormDep, session: SessionDep, vault: VaultDep, person: SignedInDep
) -> Response:
    """Set the name, or show the form again."""
    name = " ".join(form.text("name").split())
    if len(name) > actions.NAME_MAXIMUM:
        fault = FieldError("name", "Your name must have 100 characters or fewer")
        return _name_page(request, name, (fault,))
    actions.change_name(session, vault, person.account_id, name)
    return RedirectResponse(f"{_DONE}name", 303)


def _name_page(request: Request, name: str, faults: tuple[FieldError, ...] = ()) -> Response:
    return show_page(
        request,
        "details/name.html",
        None,
        name=name,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )


@router.get("/account/language")
def show_language(
    request: Request, session: SessionDep, vault: VaultDep, person: SignedInDep
) -> Response:
    """Ask in which language the person wants to be written to."""
    return _language_page(request, _profile(session, vault, person).language)


@router.post("/account/language")
def change_language(
    request: Request, form: FormDep, session: SessionDep, person: SignedInDep
) -> Response:
    """Set the language, or show the form again."""
    language = form.text("language")
    if language not in LANGUAGES:
        return _language_page(request, "", (FieldError("language", "Choose a language"),))
    actions.change_language(session, person.account_id, language)
    return RedirectResponse(f"{_DONE}language", 303)


def _language_page(
    request: Request, language: str, faults: tuple[FieldError, ...] = ()
) -> Response:
    return show_page(
        request,
        "details/language.html",
        None,
        language=language,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )


@router.get("/account/password")
def show_password(request: Request, person: SignedInDep, now: NowDep) -> Response:
    """Ask for the new password, and for the present one where the sign-in is not fresh."""
    return _password_page(request, needs_present=not is_fresh(person, now))


@router.post("/account/password")
def change_password(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
) -> Response:
    """Set the new password, or show the form again."""
    needs_present = not is_fresh(person, now)
    with runtime.database.transaction() as session:
        email = _profile(session, vault, person).email
    faults: list[FieldError] = []
    present = form.text("present")
    if needs_present and not present:
        faults.append(FieldError("present", "Enter the password that you use now"))
    elif needs_present and not guess_password(
        runtime.database, vault, visitor.browser_hash, email, present, now
    ):
        faults.append(
            FieldError(
                "present",
                "This is not the password that you use now. After 5 wrong tries you have to wait"
                " 30 minutes",
            )
        )
    try:
        password = check_password(form.text("password"), email)
    except Invalid as invalid:
        faults += invalid.fields
    if faults:
        return _password_page(request, needs_present=needs_present, faults=tuple(faults))
    # Hashed outside the transaction: waiting for the pool must not hold a connection.
    password_hash = hash_password(password)
    with runtime.database.transaction() as session:
        actions.change_own_password(
            session, vault, person.account_id, person.id, password_hash, now
        )
    return RedirectResponse(f"{_DONE}password", 303)


def _password_page(
    request: Request, *, needs_present: bool, faults: tuple[FieldError, ...] = ()
) -> Response:
    return show_page(
        request,
        "details/password.html",
        None,
        needs_present=needs_present,
        minimum=PASSWORD_MINIMUM,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )
