"""The page that confirms a new number with the code that it got."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.codes.actions import renew_check, use_check
from identity.codes.code_pages import WRONG, CodePage, read_code, show_code_page, show_over
from identity.codes.queries import CheckView, find_proof, find_waiting
from identity.oidc.flows import FlowView, continue_url
from identity.phones.queries import get_phone
from identity.phones.rules import Number, kind_of
from identity.recovery.actions import set_phone
from identity.signin.access import FlowDep, SignedInDep, VaultDep, VisitorDep, with_flow
from shared.web.deps import FormDep, NowDep, SessionDep

router = APIRouter()
_PATH = "/identity/account/phone"


@router.get("/account/phone/code")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    flow: FlowDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Ask for the code that the new number got."""
    waiting = find_waiting(session, vault, check, visitor.browser_hash, "confirm_phone", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    return show_code_page(request, _page(waiting, flow), waiting.target)


@router.post("/account/phone/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    flow: FlowDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Give the account its confirmed number, or show the form again."""
    browser = visitor.browser_hash
    waiting = find_waiting(session, vault, check, browser, "confirm_phone", now)
    if waiting is None or waiting.account_id != person.account_id:
        return show_over(request, _PATH)
    code, fault = read_code(form)
    if fault is None:
        used = use_check(
            session,
            vault,
            check_id=check,
            browser_hash=browser,
            purpose="confirm_phone",
            code=code,
            now=now,
        )
        if used is not None and _may_replace(session, vault, visitor, used, now):
            number = Number(used.target.address, kind_of(used.target.channel))
            set_phone(session, vault, person.account_id, number, used.id, now)
            after = continue_url(flow.id) if flow else "/identity/account?changed=phone"
            return RedirectResponse(after, 303)
    return show_code_page(request, _page(waiting, flow), waiting.target, [fault or WRONG])


def _may_replace(
    session: SessionDep, vault: VaultDep, visitor: VisitorDep, used: CheckView, now: NowDep
) -> bool:
    """Tell whether the number before, if there is one now, was proved on the way here."""
    if get_phone(session, used.account_id, vault.sealer) is None:
        return True
    if used.subject_id is None:
        return False
    browser = visitor.browser_hash
    return find_proof(session, vault, used.subject_id, browser, "old_phone", now) is not None


@router.post("/account/phone/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    _person: SignedInDep,
    flow: FlowDep,
    now: NowDep,
    check: UUID,
) -> Response:
    """Send a new code to the new number."""
    sent = renew_check(
        session,
        vault,
        check_id=check,
        browser_hash=visitor.browser_hash,
        purpose="confirm_phone",
        now=now,
        network=visitor.address,
    )
    if not sent:
        return show_over(request, _PATH)
    return RedirectResponse(with_flow(f"{_PATH}/code", flow, check=check, sent="again"), 303)


def _page(waiting: CheckView, flow: FlowView | None) -> CodePage:
    query = with_flow("", flow, check=waiting.id).removeprefix("?")
    return CodePage(f"{_PATH}/code", query, with_flow(_PATH, flow), "Confirm this number")
