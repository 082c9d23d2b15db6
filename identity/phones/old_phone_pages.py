"""Before a number is changed or removed: a code to it, or one of the ways of a lost telephone."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.codes.actions import start_check
from identity.codes.code_pages import CodePage, CodeVisitDep
from identity.codes.queries import CheckView
from identity.codes.rules import mask
from identity.details.access import FreshDep
from identity.factors.checks import BACKUP_CODE, try_factor
from identity.factors.interface import Check
from identity.phones.queries import get_phone
from identity.phones.rules import is_proved_otherwise
from identity.recovery.actions import remove_phone, start_waiting
from identity.signin.access import (
    PeopleSettingsDep,
    SignedInDep,
    VaultDep,
    VisitorDep,
    show_page,
)
from identity.signin.queries import SignedInSession
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, SessionDep

router = APIRouter()
Then = Literal["change", "remove"]
_PATH = "/identity/account/phone"
_DONE = "/identity/account?changed=phone"


@router.get("/account/phone/old")
def show_old(
    request: Request, session: SessionDep, vault: VaultDep, person: SignedInDep, then: Then
) -> Response:
    """Say that a code goes to the present number first, and where to go without it."""
    phone = get_phone(session, person.account_id, vault.sealer)
    if phone is None:
        return RedirectResponse(_PATH, 303)
    return show_page(
        request,
        "phones/old.html",
        None,
        then=then,
        number=mask(phone.target),
        sign_out_url="/identity/sign-out",
    )


@router.post("/account/phone/old")
def send_to_old(
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: FreshDep,
    now: NowDep,
    then: Then,
) -> Response:
    """Send a code to the present number."""
    phone = get_phone(session, person.account_id, vault.sealer)
    if phone is None:
        return RedirectResponse(_PATH, 303)
    check_id = start_check(
        session,
        vault,
        purpose="old_phone",
        target=phone.target,
        account_id=person.account_id,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        now=now,
        network=visitor.address,
    )
    return RedirectResponse(f"{_PATH}/old/code?check={check_id}&then={then}", 303)


@router.get("/account/phone/old/code")
def show_code(visit: CodeVisitDep, person: SignedInDep, then: Then) -> Response:
    """Ask for the code that the present number got."""
    return visit.ask(_page(visit.check, then), person.account_id)


@router.post("/account/phone/old/code")
def use_code(visit: CodeVisitDep, form: FormDep, person: SignedInDep, then: Then) -> Response:
    """Remove the number or lead to the form for another, or ask for the code again."""

    def go_on(_used: CheckView) -> Response:
        if then == "change":
            return RedirectResponse(f"{_PATH}?proof={visit.check}", 303)
        remove_phone(visit.session, visit.vault, person.account_id, visit.now)
        return RedirectResponse(_DONE, 303)

    return visit.use(_page(visit.check, then), form, go_on, person.account_id)


@router.post("/account/phone/old/code/again")
def send_again(visit: CodeVisitDep, _person: SignedInDep, then: Then) -> Response:
    """Send a new code to the present number."""
    return visit.send_again(_page(visit.check, then))


@router.get("/account/phone/lost")
def show_lost(
    request: Request, session: SessionDep, settings: PeopleSettingsDep, person: SignedInDep
) -> Response:
    """Show the ways to remove a telephone that the person no longer has."""
    return _lost_page(request, session, settings.phone_recovery_days, person)


@router.post("/account/phone/lost")
def remove_lost(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    person: FreshDep,
    now: NowDep,
) -> Response:
    """Remove a lost number at once for who proves more than a mailbox, else after notices.

    Not for a typed identity: a thief in the account reads it on the account's own pages.
    """
    account_id, days = person.account_id, settings.phone_recovery_days
    if get_phone(session, account_id, vault.sealer) is None:
        return RedirectResponse(_PATH, 303)
    if form.text("way") == "wait":
        waits = timedelta(days=days)
        start_waiting(session, vault, account_id, "phone_removed", now, waits=waits)
        return RedirectResponse(_PATH, 303)
    if is_proved_otherwise(person.factors):
        remove_phone(session, vault, account_id, now)
        return RedirectResponse(_DONE, 303)
    typed = form.text("backup_code")
    if not typed:
        fault = FieldError("backup_code", "Enter one of your backup codes")
        return _lost_page(request, session, days, person, (fault,))
    check = Check(
        session=session,
        vault=vault,
        account_id=account_id,
        check_id=person.id,
        browser_hash=visitor.browser_hash,
        origin="",
        language=visitor.language,
        now=now,
    )
    if try_factor(check, BACKUP_CODE, typed).proved is None:
        fault = FieldError("backup_code", BACKUP_CODE.words.wrong)
        return _lost_page(request, session, days, person, (fault,))
    remove_phone(session, vault, account_id, now)
    return RedirectResponse(_DONE, 303)


def _lost_page(
    request: Request,
    session: SessionDep,
    days: int,
    person: SignedInSession,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request,
        "phones/lost.html",
        None,
        days=days,
        is_proved=is_proved_otherwise(person.factors),
        has_backup_codes=bool(BACKUP_CODE.proves(session, person.account_id)),
        faults=faults,
        sign_out_url="/identity/sign-out",
    )


def _page(check: UUID, then: Then) -> CodePage:
    return CodePage(
        "old_phone",
        f"{_PATH}/old/code",
        f"check={check}&then={then}",
        "Continue",
        _PATH,
        back_url=f"{_PATH}/old?then={then}",
        shows_target=False,
    )
