"""The page that confirms a new number with the code that it got."""

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from identity.codes.code_pages import WRONG, CodePage, CodeVisit, CodeVisitDep
from identity.codes.queries import CheckView
from identity.oidc.flows import FlowView, continue_url
from identity.phones.queries import get_phone
from identity.phones.rules import Number, kind_of
from identity.recovery.actions import set_phone
from identity.signin.access import FlowDep, SignedInDep, with_flow
from shared.errors import FieldError
from shared.web.deps import FormDep

router = APIRouter()
_PATH = "/identity/account/phone"


@router.get("/account/phone/code")
def show_code(visit: CodeVisitDep, person: SignedInDep, flow: FlowDep) -> Response:
    """Ask for the code that the new number got."""
    return visit.ask(_page(visit.check, flow), person.account_id)


@router.post("/account/phone/code")
def use_code(visit: CodeVisitDep, form: FormDep, person: SignedInDep, flow: FlowDep) -> Response:
    """Give the account its confirmed number, or show the form again."""

    def confirm(used: CheckView) -> Response | FieldError:
        if not _may_replace(visit, used):
            return WRONG
        number = Number(used.target.address, kind_of(used.target.channel))
        set_phone(visit.session, visit.vault, person.account_id, number, used.id, visit.now)
        after = continue_url(flow.id) if flow else "/identity/account?changed=phone"
        return RedirectResponse(after, 303)

    return visit.use(_page(visit.check, flow), form, confirm, person.account_id)


def _may_replace(visit: CodeVisit, used: CheckView) -> bool:
    """Tell whether the number before, if there is one now, was proved on the way here."""
    if get_phone(visit.session, used.account_id, visit.vault.sealer) is None:
        return True
    if used.subject_id is None:
        return False
    old = replace(visit, check=used.subject_id)
    return old.proof("old_phone") is not None


@router.post("/account/phone/code/again")
def send_again(visit: CodeVisitDep, _person: SignedInDep, flow: FlowDep) -> Response:
    """Send a new code to the new number."""
    return visit.send_again(_page(visit.check, flow))


def _page(check: UUID, flow: FlowView | None) -> CodePage:
    return CodePage(
        "confirm_phone",
        f"{_PATH}/code",
        with_flow("", flow, check=check).removeprefix("?"),
        "Confirm this number",
        _PATH,
        back_url=with_flow(_PATH, flow),
    )
