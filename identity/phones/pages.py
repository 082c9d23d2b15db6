"""The pages of a telephone: added, changed, removed, lost."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.settings import PeopleSettings
from identity.codes.actions import start_check
from identity.codes.queries import find_proof
from identity.details.access import FreshDep
from identity.phones import old_phone_pages
from identity.phones.confirm_pages import router as confirm_router
from identity.phones.queries import get_phone
from identity.phones.rules import Number, check_number, show_number
from identity.recovery.queries import find_waiting_change
from identity.signin.access import (
    FlowDep,
    PeopleSettingsDep,
    SignedInDep,
    VaultDep,
    VisitorDep,
    remember,
    show_page,
    with_flow,
)
from shared.errors import FieldError, Invalid
from shared.web.deps import FormDep, NowDep, SessionDep

router = APIRouter()
router.include_router(confirm_router)
router.include_router(old_phone_pages.router)
_PATH = "/identity/account/phone"


@router.get("/account/phone")
def show_phone(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    flow: FlowDep,
    now: NowDep,
    proof: UUID | None = None,
) -> Response:
    """Show the number of the account, or the form for one."""
    phone = get_phone(session, person.account_id, vault.sealer)
    proved = proof and find_proof(session, vault, proof, visitor.browser_hash, "old_phone", now)
    if phone is not None and not proved:
        waiting = find_waiting_change(session, vault, person.account_id, "phone_removed")
        return show_page(
            request,
            "phones/phone.html",
            flow,
            number=show_number(phone.number),
            is_mobile=phone.kind == "mobile",
            confirmed_at=phone.confirmed_at,
            waits_until=waiting.happens_at if waiting else None,
            sign_out_url="/identity/sign-out",
        )
    return _form(request, flow, proof=proof if proved else None)


@router.get("/account/phone/new")
def ask_for_phone(request: Request, _person: SignedInDep, flow: FlowDep) -> Response:
    """Ask a person with a new account for a number; they may skip it."""
    return _form(request, flow, proof=None, is_new=True)


@router.post("/account/phone")
def give_phone(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    person: FreshDep,
    flow: FlowDep,
    now: NowDep,
    proof: UUID | None = None,
) -> Response:
    """Send a code to a new number, or show the form again; a number there is comes first."""
    if get_phone(session, person.account_id, vault.sealer) is not None:
        proved = proof and find_proof(session, vault, proof, visitor.browser_hash, "old_phone", now)
        if not proved or proved.account_id != person.account_id:
            return RedirectResponse(f"{_PATH}/old?then=change", 303)
    try:
        number = read_number(form.text("phone"), settings)
    except Invalid as invalid:
        typed = form.text("phone")
        return _form(request, flow, proof=proof, typed=typed, faults=invalid.fields)
    check_id = start_check(
        session,
        vault,
        purpose="confirm_phone",
        target=number.target,
        account_id=person.account_id,
        browser_hash=visitor.browser_hash,
        language=visitor.language,
        now=now,
        network=visitor.address,
        subject_id=proof,
    )
    target = with_flow(f"{_PATH}/code", flow, check=check_id)
    return remember(request, RedirectResponse(target, 303), flow)


def read_number(typed: str, settings: PeopleSettings) -> Number:
    """Return a typed number that may get codes under the settings; refuses others."""
    return check_number(
        typed, settings.phone_countries, allow_invented=settings.environment != "production"
    )


def _form(
    request: Request,
    flow: FlowDep,
    *,
    proof: UUID | None,
    typed: str = "",
    is_new: bool = False,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    query = f"?proof={proof}" if proof else ""
    return show_page(
        request,
        "phones/new.html",
        flow,
        typed=typed,
        is_new=is_new,
        skip_url=f"/identity/continue?flow={flow.id}" if flow else "/identity/account",
        action=with_flow(_PATH, flow, **({"proof": proof} if proof else {}))
        if flow
        else _PATH + query,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )
