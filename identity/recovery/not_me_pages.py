"""“It was not me”: the page that every notice leads to. The link itself opens nothing."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.rules import normalise_email
from identity.codes.actions import start_check
from identity.codes.code_pages import CodePage, CodeVisitDep, show_over
from identity.codes.rules import Target
from identity.recovery.actions import freeze
from identity.recovery.queries import list_changes
from identity.recovery.words import NOT_RIGHT
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
from shared.web.deps import FormDep, NowDep, RuntimeDep, public

router = APIRouter(dependencies=[Depends(public)])
_PATH = "/identity/not-me"


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
        faults = [NOT_RIGHT]
    values = {"email": form.text("email")}
    return show_page(request, "recovery/not_me.html", None, values=values, faults=faults)


@router.get("/not-me/code")
def show_code(visit: CodeVisitDep) -> Response:
    """Ask for the code."""
    return visit.ask(_page(visit.check))


@router.post("/not-me/code")
def use_code(visit: CodeVisitDep, form: FormDep) -> Response:
    """Lead on to the changes, or ask for the code again."""
    changes = RedirectResponse(f"{_PATH}/changes?check={visit.check}", 303)
    return visit.use(_page(visit.check), form, lambda _used: changes)


@router.post("/not-me/code/again")
def send_again(visit: CodeVisitDep) -> Response:
    """Send a new code."""
    return visit.send_again(_page(visit.check))


@router.get("/not-me/changes")
def show_changes(visit: CodeVisitDep) -> Response:
    """Show what was changed lately, with the one button that stops and undoes all of it."""
    proof = visit.proof("not_me")
    if proof is None:
        return show_over(visit.request, _PATH)
    changes = list_changes(visit.session, visit.vault, proof.account_id, visit.now)
    return show_page(
        visit.request,
        "recovery/not_me_changes.html",
        None,
        changes=[
            {"kind": change.kind, "waits": change.state == "waiting", "at": change.created_at}
            for change in changes
        ],
        action=f"{_PATH}/changes?check={visit.check}",
    )


@router.post("/not-me/changes")
def undo(visit: CodeVisitDep) -> Response:
    """Stop and undo the changes and freeze the account; a second press changes nothing."""
    proof = visit.proof("not_me")
    if proof is None:
        return show_over(visit.request, _PATH)
    freeze(visit.session, visit.vault, proof.account_id, visit.now)
    return show_page(visit.request, "recovery/frozen.html", None)


def _page(check: UUID) -> CodePage:
    return CodePage("not_me", f"{_PATH}/code", f"check={check}", "Continue", _PATH)
