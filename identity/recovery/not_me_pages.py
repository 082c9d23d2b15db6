"""“It was not me”: the page that every notice leads to. The link itself opens nothing."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import normalise_email
from identity.codes.actions import renew_check, start_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import find_proof, find_waiting
from identity.codes.rules import Target
from identity.recovery.actions import freeze
from identity.recovery.queries import list_changes
from identity.signin.access import (
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    remember,
    show_page,
)
from identity.signin.actions import check_address_limit
from identity.signin.guesses import guess_former_password
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
_PATH = "/identity/not-me"
_NOT_RIGHT = FieldError(
    "email",
    "The email address or the password is not right. After 5 wrong tries you have to wait"
    " 30 minutes",
)


@router.get("/not-me")
def show_form(request: Request, _visitor: VisitorDep) -> Response:
    """Ask who is there, with what the person knew before the change."""
    return show_page(request, "recovery/not_me.html", None, values={})


@router.post("/not-me")
def begin(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> Response:
    """Send a code to the address that the notice came to, or show the form again."""
    with runtime.database.transaction() as session:
        check_address_limit(session, vault, visitor, settings.forms_per_address, now)
    email, password = normalise_email(form.text("email")), form.text("password")
    faults = [
        FieldError(field, message)
        for field, value, message in (
            ("email", email, "Enter the email address that the notice came to"),
            ("password", password, "Enter the password that you know"),
        )
        if not value
    ]
    if not faults:
        guess = guess_former_password(
            runtime.database, vault, visitor.browser_hash, email, password, now
        )
        if guess is not None:
            with runtime.database.transaction() as session:
                check_id = start_check(
                    session,
                    vault,
                    purpose="not_me",
                    target=Target("email", email),
                    account_id=guess.account_id,
                    browser_hash=visitor.browser_hash,
                    language=visitor.language,
                    now=now,
                )
            return remember(request, RedirectResponse(f"{_PATH}/code?check={check_id}", 303), None)
        faults = [_NOT_RIGHT]
    values = {"email": form.text("email")}
    return show_page(request, "recovery/not_me.html", None, values=values, faults=faults)


@router.get("/not-me/code")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Ask for the code."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "not_me", now)
    if waiting is None:
        return show_over(request, _PATH)
    return show_code_page(request, _page(check), waiting.target)


@router.post("/not-me/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Lead on to the changes, or ask for the code again."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "not_me", now)
    if waiting is None:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None and use_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="not_me",
        code=code,
        now=now,
    ):
        return RedirectResponse(f"{_PATH}/changes?check={check}", 303)
    return show_code_page(request, _page(check), waiting.target, [fault or WRONG])


@router.post("/not-me/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a new code."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="not_me",
        now=now,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(f"{_PATH}/code?check={check}&sent=again", 303)


@router.get("/not-me/changes")
def show_changes(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Show what was changed lately, with the one button that stops and undoes all of it."""
    proof = find_proof(session, vault, check, visitor.browser_hash, "not_me", now)
    if proof is None:
        return show_over(request, _PATH)
    changes = list_changes(session, vault, proof.account_id, now)
    return show_page(
        request,
        "recovery/not_me_changes.html",
        None,
        changes=[
            {"kind": change.kind, "waits": change.state == "waiting", "at": change.created_at}
            for change in changes
        ],
        action=f"{_PATH}/changes?check={check}",
    )


@router.post("/not-me/changes")
def undo(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Stop and undo the changes and freeze the account; a second press changes nothing."""
    proof = find_proof(session, vault, check, visitor.browser_hash, "not_me", now)
    if proof is None:
        return show_over(request, _PATH)
    freeze(session, vault, proof.account_id, now)
    return show_page(request, "recovery/frozen.html", None)


def _page(check: UUID) -> CodePage:
    return CodePage(f"{_PATH}/code", f"check={check}", _PATH, "Continue")
