"""The pages that ask for the second factor after the password, and the list of other ways."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.factors import sign_ins
from identity.factors.checks import EMAIL_RANK, PASSKEY, find_factor, list_ways, try_factor
from identity.factors.interface import Check, SecondFactor
from identity.factors.rules import origin_of
from identity.oidc.flows import FlowView, continue_url
from identity.signin import attempts
from identity.signin.access import (
    ACCOUNT_PATH,
    FlowDep,
    MaybeSessionDep,
    VaultDep,
    VisitorDep,
    redirect_signed_in,
    show_page,
    with_flow,
)
from identity.signin.code_pages import ANOTHER_WAY_PATH
from identity.signin.pages import WAY_PATH
from identity.signin.queries import WaitingAttempt, find_attempt
from identity.signin.rules import PASSWORD_PROOF
from shared.errors import FieldError, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(dependencies=[Depends(public)])
EMAIL = "email"
_EMAIL_CHOICE = "A code by email"
_CHOOSE = FieldError("way", "Choose a way to sign in")
PAUSED = (
    "There were too many wrong tries. Wait 30 minutes and try again, or try another way that you"
    " have set up"
)


def find_way(way: str) -> SecondFactor:
    """Return the factor that the address names."""
    factor = find_factor(way)
    if factor is None:
        raise NotFound("way_unknown", "There is no such way to sign in")
    return factor


def _find_waiting(
    session: SessionDep, visitor: VisitorDep, attempt: UUID, now: NowDep
) -> WaitingAttempt | None:
    """Return the attempt whose password was right a moment ago, in this browser."""
    found = find_attempt(session, attempt, visitor.browser_hash, "sign_in", now)
    if found is None or found.account_id is None or now - found.created_at > PASSWORD_PROOF:
        return None
    return found


WaitingDep = Annotated[WaitingAttempt | None, Depends(_find_waiting)]


def _make_check(
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    waiting: WaitingDep,
    now: NowDep,
) -> Check | None:
    """Return who is to prove what, None when the attempt is over."""
    if waiting is None or waiting.account_id is None:
        return None
    return Check(
        session=session,
        vault=vault,
        account_id=waiting.account_id,
        check_id=waiting.id,
        browser_hash=visitor.browser_hash,
        origin=origin_of(runtime.settings.public_url),
        language=waiting.language,
        now=now,
    )


CheckDep = Annotated[Check | None, Depends(_make_check)]


@router.get("/sign-in/way/{way}")
def show_way(
    request: Request,
    check: CheckDep,
    factor: Annotated[SecondFactor, Depends(find_way)],
    found: MaybeSessionDep,
    flow: FlowDep,
) -> Response:
    """Ask for one factor."""
    if check is None:
        if found is not None and flow is not None:
            return RedirectResponse(continue_url(flow.id), 303)
        return _start_again(request, flow)
    if not factor.proves(check.session, check.account_id):
        return RedirectResponse(with_flow(ANOTHER_WAY_PATH, flow, attempt=check.check_id), 303)
    return _page(request, check, factor, flow)


@router.post("/sign-in/way/{way}")
def use_way(
    request: Request,
    form: FormDep,
    check: CheckDep,
    factor: Annotated[SecondFactor, Depends(find_way)],
    visitor: VisitorDep,
    found: MaybeSessionDep,
    flow: FlowDep,
) -> Response:
    """Sign the person in with the factor, or ask again."""
    if check is None:
        # A double click: the first one signed in and this one comes too late to matter.
        if found is not None:
            return RedirectResponse(continue_url(flow.id) if flow else ACCOUNT_PATH, 303)
        return _start_again(request, flow)
    typed = form.text(field_of(factor))
    if not typed:
        return _page(request, check, factor, flow, fault=factor.words.empty)
    tried = try_factor(check, factor, typed)
    if tried.proved is None:
        fault = PAUSED if tried.is_paused else factor.words.wrong
        return _page(request, check, factor, flow, fault=fault)
    opened = sign_ins.finish_with_factor(
        check.session,
        visitor,
        attempt_id=check.check_id,
        proved=tried.proved,
        flow_id=flow.id if flow else None,
        now=check.now,
    )
    if opened is None:
        return _start_again(request, flow)
    return redirect_signed_in(request, opened, flow)


@router.post("/sign-in/way/{way}/again")
def send_again(
    request: Request,
    check: CheckDep,
    factor: Annotated[SecondFactor, Depends(find_way)],
    flow: FlowDep,
) -> Response:
    """Send what the person is to type once more."""
    if check is None:
        return _start_again(request, flow)
    if factor.sends and factor.proves(check.session, check.account_id):
        factor.start(check)
    target = with_flow(f"{WAY_PATH}/{factor.name}", flow, attempt=check.check_id, sent="again")
    return RedirectResponse(target, 303)


@router.get("/sign-in/another-way")
def show_ways(request: Request, check: CheckDep, flow: FlowDep) -> Response:
    """List what the person may prove themselves with."""
    return _start_again(request, flow) if check is None else _list(request, check, flow)


@router.post("/sign-in/another-way")
def choose_way(
    request: Request, form: FormDep, check: CheckDep, visitor: VisitorDep, flow: FlowDep
) -> Response:
    """Lead to the chosen way, and have its code sent if it has one to send."""
    if check is None:
        return _start_again(request, flow)
    chosen = form.text("way")
    if chosen == EMAIL:
        attempts.renew_code(
            check.session,
            check.vault,
            attempt_id=check.check_id,
            browser_hash=visitor.browser_hash,
            purpose="sign_in",
            now=check.now,
        )
        target = with_flow("/identity/sign-in/code", flow, attempt=check.check_id)
        return RedirectResponse(target, 303)
    ways = list_ways(check.session, check.account_id)
    factor = next((way for way in ways if way.name == chosen), None)
    if factor is None:
        return _list(request, check, flow, faults=(_CHOOSE,))
    if factor.sends:
        factor.start(check)
    target = with_flow(f"{WAY_PATH}/{factor.name}", flow, attempt=check.check_id)
    return RedirectResponse(target, 303)


def field_of(factor: SecondFactor) -> str:
    """Return the name of the field that carries a factor's answer."""
    return "credential" if factor is PASSKEY else "code"


def _page(
    request: Request,
    check: Check,
    factor: SecondFactor,
    flow: FlowView | None,
    *,
    fault: str = "",
) -> Response:
    way = with_flow(f"{WAY_PATH}/{factor.name}", flow, attempt=check.check_id)
    return show_page(
        request,
        "factors/way.html",
        flow,
        words=factor.words,
        said=factor.describe(check),
        sends=factor.sends,
        is_numeric=factor.is_numeric,
        options=PASSKEY.options(check) if factor is PASSKEY else "",
        action=way,
        again_action=way.replace("?", "/again?", 1),
        other_url=with_flow(ANOTHER_WAY_PATH, flow, attempt=check.check_id),
        back_url=with_flow("/identity/sign-in", flow),
        was_sent_again=request.query_params.get("sent") == "again" and not fault,
        faults=[fault_at(factor, fault)] if fault else [],
    )


def fault_at(factor: SecondFactor, message: str) -> FieldError:
    """Return a fault at the field, or the button, that a factor's page has."""
    return FieldError("passkey-form-button" if factor is PASSKEY else "code", message)


def _list(
    request: Request,
    check: Check,
    flow: FlowView | None,
    *,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    ways = list_ways(check.session, check.account_id)
    choices = [(way.rank, way.name, way.words.choice) for way in ways]
    choices.append((EMAIL_RANK, EMAIL, _EMAIL_CHOICE))
    return show_page(
        request,
        "factors/another_way.html",
        flow,
        ways=[{"value": name, "choice": choice} for _, name, choice in sorted(choices)],
        action=with_flow(ANOTHER_WAY_PATH, flow, attempt=check.check_id),
        back_url=with_flow("/identity/sign-in", flow),
        faults=faults,
    )


def _start_again(request: Request, flow: FlowView | None) -> Response:
    return show_page(
        request,
        "signin/start_again.html",
        flow,
        status=410,
        start_url=with_flow("/identity/sign-in", flow),
    )
