"""Before a number is changed or removed: a code to it, or one of the ways of a lost telephone."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.codes.actions import renew_check, start_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import find_waiting
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
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
    check: UUID,
    then: Then,
) -> Response:
    """Ask for the code that the present number got."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "old_phone", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    return show_code_page(request, _page(check, then), waiting.target)


@router.post("/account/phone/old/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
    check: UUID,
    then: Then,
) -> Response:
    """Remove the number or lead to the form for another, or ask for the code again."""
    browser = visitor.browser_hash
    waiting = find_waiting(session, vault, check, browser, "old_phone", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None:
        used = use_check(
            session,
            vault,
            check_id=check,
            browser_hash=browser,
            purpose="old_phone",
            code=code,
            now=now,
        )
        if used is not None and then == "remove":
            remove_phone(session, vault, person.account_id, now)
            return RedirectResponse(_DONE, 303)
        if used is not None:
            return RedirectResponse(f"{_PATH}?proof={check}", 303)
    return show_code_page(request, _page(check, then), waiting.target, [fault or WRONG])


@router.post("/account/phone/old/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    _person: SignedInDep,
    now: NowDep,
    check: UUID,
    then: Then,
) -> Response:
    """Send a new code to the present number."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="old_phone",
        now=now,
        network=visitor.address,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(f"{_PATH}/old/code?check={check}&then={then}&sent=again", 303)


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
    back = f"{_PATH}/old?then={then}"
    return CodePage(
        f"{_PATH}/old/code", f"check={check}&then={then}", back, "Continue", shows_target=False
    )
