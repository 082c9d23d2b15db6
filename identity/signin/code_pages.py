"""The page that asks for the one-time code, for sign-in and sign-up alike."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.settings import get_people_settings
from identity.factors.checks import list_ways
from identity.oidc.flows import FlowView, continue_url
from identity.signin import actions, attempts
from identity.signin.access import (
    FlowDep,
    MaybeSessionDep,
    VaultDep,
    VisitorDep,
    redirect_signed_in,
    show_page,
    with_flow,
)
from identity.signin.queries import WaitingAttempt, find_attempt
from identity.signin.rules import CODE_DIGITS, CODE_MINUTES, clean_code
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])

ANOTHER_WAY_PATH = "/identity/sign-in/another-way"
_ASK_PHONE = "/identity/account/phone/new"
Step = Literal["sign-in", "create-account"]
_PURPOSES: dict[str, attempts.Purpose] = {"sign-in": "sign_in", "create-account": "sign_up"}
_WRONG = FieldError(
    "code",
    "The code is not right or no longer good. Check the newest email from us, or ask for a new"
    " code: after 5 wrong tries a code stops working",
)


def _purpose(step: Step) -> attempts.Purpose:
    return _PURPOSES[step]


PurposeDep = Annotated[attempts.Purpose, Depends(_purpose)]


@router.get("/{step}/code")
def show_code(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    found: MaybeSessionDep,
    purpose: PurposeDep,
    step: Step,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Show the form for the code; an attempt that is over leads on or to a new start."""
    waiting = find_attempt(session, attempt, visitor.browser_hash, purpose, now)
    if waiting is None:
        if found is not None and flow is not None:
            return RedirectResponse(continue_url(flow.id), 303)
        return _start_again(request, step, flow)
    if purpose == "sign_in" and not waiting.has_code:
        return RedirectResponse(with_flow(ANOTHER_WAY_PATH, flow, attempt=attempt), 303)
    email = vault.open(waiting.email_sealed, attempts.EMAIL_RECORD, waiting.id)
    other_url = _other_url(session, waiting, flow)
    return _code_page(request, step, attempt, flow, email=email, other_url=other_url)


def _other_url(session: SessionDep, waiting: WaitingAttempt, flow: FlowView | None) -> str:
    """Return where other ways are listed, empty where there are none.

    Only after a right password: whether an address has an account, and how well that is kept, is
    nobody's business before.
    """
    if waiting.purpose != "sign_in" or waiting.account_id is None:
        return ""
    if not list_ways(session, waiting.account_id):
        return ""
    return with_flow(ANOTHER_WAY_PATH, flow, attempt=waiting.id)


@router.post("/{step}/code")
def use_code(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    found: MaybeSessionDep,
    purpose: PurposeDep,
    step: Step,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Sign the person in with the code, or show the form again."""
    code = clean_code(form.text("code"))
    fault = None
    if not code:
        fault = FieldError("code", "Enter the code from the email")
    elif not (code.isascii() and code.isdigit() and len(code) == CODE_DIGITS):
        fault = FieldError("code", "The code is 6 digits, such as 012345")
    else:
        opened = actions.finish_with_code(
            session,
            vault,
            visitor,
            attempt_id=attempt,
            purpose=purpose,
            code=code,
            flow_id=flow.id if flow else None,
            now=now,
        )
        if opened is not None:
            asks = purpose == "sign_up" and get_people_settings().sign_up_asks_phone
            return redirect_signed_in(request, opened, flow, via=_ASK_PHONE if asks else "")
    waiting = find_attempt(session, attempt, visitor.browser_hash, purpose, now)
    if waiting is None:
        # A double click: the first one signed in and this one comes too late to matter.
        if found is not None:
            return RedirectResponse(continue_url(flow.id) if flow else "/identity/account", 303)
        return _start_again(request, step, flow)
    email = vault.open(waiting.email_sealed, attempts.EMAIL_RECORD, waiting.id)
    return _code_page(
        request,
        step,
        attempt,
        flow,
        email=email,
        fault=fault or _WRONG,
        other_url=_other_url(session, waiting, flow),
    )


@router.post("/{step}/code/again")
def send_again(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    purpose: PurposeDep,
    step: Step,
    attempt: UUID,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Send a new code, which replaces the one before."""
    sent = attempts.renew_code(
        session,
        vault,
        attempt_id=attempt,
        browser_hash=visitor.browser_hash,
        purpose=purpose,
        now=now,
    )
    if not sent:
        return _start_again(request, step, flow)
    target = with_flow(f"/identity/{step}/code", flow, attempt=attempt, sent="again")
    return RedirectResponse(target, 303)


def _code_page(
    request: Request,
    step: str,
    attempt: UUID,
    flow: FlowView | None,
    *,
    email: str,
    fault: FieldError | None = None,
    other_url: str = "",
) -> Response:
    return show_page(
        request,
        "signin/code.html",
        flow,
        step=step,
        email=email,
        other_url=other_url,
        minutes=CODE_MINUTES,
        code_action=with_flow(f"/identity/{step}/code", flow, attempt=attempt),
        again_action=with_flow(f"/identity/{step}/code/again", flow, attempt=attempt),
        back_url=with_flow(f"/identity/{step}", flow),
        was_sent_again=request.query_params.get("sent") == "again" and fault is None,
        faults=[fault] if fault else [],
    )


def _start_again(request: Request, step: str, flow: FlowView | None) -> Response:
    return show_page(
        request,
        "signin/start_again.html",
        flow,
        status=410,
        start_url=with_flow(f"/identity/{step}", flow),
    )
