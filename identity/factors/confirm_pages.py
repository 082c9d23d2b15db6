"""Proving more in a live session: again for a sensitive change, or better for a service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import get_profile
from identity.factors import sign_ins
from identity.factors.checks import PASSKEY, list_lifting_ways, try_factor
from identity.factors.interface import Check, SecondFactor
from identity.factors.queries import has_password, list_proofs
from identity.factors.rules import origin_of
from identity.factors.way_pages import PAUSED, fault_at, field_of
from identity.oidc import flows
from identity.oidc.wanted_level import Wanted, wanted_level
from identity.signin.access import (
    SIGN_IN_PATH,
    FlowDep,
    OwnFlowDep,
    SignedInDep,
    VaultDep,
    VisitorDep,
    redirect_signed_in,
    show_page,
    with_flow,
)
from identity.signin.actions import SignedIn, Visitor
from identity.signin.queries import SignedInSession
from identity.signin.rules import check_next, mask_email
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
STEP_UP_PATH = "/identity/step-up"
_WRONG_PASSWORD = FieldError(
    "password",
    "The password is not right. After 5 wrong tries you have to wait 30 minutes, or set a new"
    " password",
)


def _make_check(
    runtime: RuntimeDep,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    now: NowDep,
) -> Check:
    """Return who is to prove what in this session."""
    return Check(
        session=session,
        vault=vault,
        account_id=person.account_id,
        check_id=person.id,
        browser_hash=visitor.browser_hash,
        origin=origin_of(runtime.settings.public_url),
        language=visitor.language,
        now=now,
    )


CheckDep = Annotated[Check, Depends(_make_check)]


@router.get("/confirm")
def show_confirm(request: Request, check: CheckDep, runtime: RuntimeDep, flow: FlowDep) -> Response:
    """Ask who is signed in to show that they still sit there."""
    return _confirm_page(request, runtime, check, flow)


@router.post("/confirm")
def confirm(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Take a passkey or the password, and lead on to what the person was doing."""
    with runtime.database.transaction() as session:
        check = _make_check(runtime, session, vault, visitor, person, now)
        answer = form.text("credential")
        if answer:
            proved = PASSKEY.check(check, answer)
            fault = fault_at(PASSKEY, PASSKEY.words.wrong)
    if not answer:
        password = form.text("password")
        right = bool(password) and sign_ins.is_own_password(
            runtime.database, vault, person, password, now
        )
        proved = "password" if right else None
        fault = _WRONG_PASSWORD if password else FieldError("password", "Enter your password")
    with runtime.database.transaction() as session:
        if proved is None:
            again = _make_check(runtime, session, vault, visitor, person, now)
            return _confirm_page(request, runtime, again, flow, fault=fault)
        opened = _strengthen(session, visitor, person, proved, flow, now)
    if opened is None:
        return RedirectResponse(with_flow(SIGN_IN_PATH, flow), 303)
    target = check_next(request.query_params.get("next", ""))
    return redirect_signed_in(request, opened, flow, target)


def _strengthen(
    session: SessionDep,
    visitor: Visitor,
    person: SignedInSession,
    proved: str,
    flow: flows.FlowView | None,
    now: NowDep,
) -> SignedIn | None:
    opened = sign_ins.strengthen_session(session, visitor, person, proved, now)
    if opened is not None and flow is not None:
        flows.record_sign_in(session, flow.id, person.account_id, person.id, now)
    return opened


def _confirm_page(
    request: Request,
    runtime: RuntimeDep,
    check: Check,
    flow: flows.FlowView | None,
    *,
    fault: FieldError | None = None,
) -> Response:
    profile = get_profile(check.session, check.account_id, runtime.sealer)
    following = check_next(request.query_params.get("next", ""))
    action = with_flow("/identity/confirm", flow)
    if flow is None:
        action = f"{action}?{request.url.query}" if request.url.query else action
    has_passkey = bool(list_proofs(check.session, check.account_id))
    return show_page(
        request,
        "factors/confirm.html",
        flow,
        email=mask_email(profile.email) if profile else "",
        has_password=has_password(check.session, check.account_id),
        options=PASSKEY.options(check) if has_passkey else "",
        action=action,
        back_url="" if flow else following,
        other_url=with_flow(SIGN_IN_PATH, flow, other="yes"),
        faults=[fault] if fault else [],
    )


@router.get("/step-up")
def show_step_up(
    request: Request, check: CheckDep, person: SignedInDep, flow: OwnFlowDep, way: str = ""
) -> Response:
    """Ask for the one thing that the service's level still needs."""
    wanted = wanted_level(flow)
    if wanted is None:
        return RedirectResponse(flows.continue_url(flow.id), 303)
    return _step_up_page(request, check, person, flow, wanted, way)


@router.post("/step-up")
def step_up(
    request: Request,
    form: FormDep,
    check: CheckDep,
    visitor: VisitorDep,
    person: SignedInDep,
    flow: OwnFlowDep,
    way: str = "",
) -> Response:
    """Take the factor, lift the session, and go on with the flow."""
    wanted = wanted_level(flow)
    if wanted is None:
        return RedirectResponse(flows.continue_url(flow.id), 303)
    factor = _chosen(_lifting(check, person, wanted), way)
    if factor is None:
        return _step_up_page(request, check, person, flow, wanted, way)
    typed = form.text(field_of(factor))
    if not typed:
        return _step_up_page(request, check, person, flow, wanted, way, fault=factor.words.empty)
    tried = try_factor(check, factor, typed)
    if tried.proved is None:
        fault = PAUSED if tried.is_paused else factor.words.wrong
        return _step_up_page(request, check, person, flow, wanted, way, fault=fault)
    opened = _strengthen(check.session, visitor, person, tried.proved, flow, check.now)
    if opened is None:
        return RedirectResponse(with_flow(SIGN_IN_PATH, flow), 303)
    return redirect_signed_in(request, opened, flow)


@router.post("/step-up/send")
def send_code(check: CheckDep, person: SignedInDep, flow: OwnFlowDep, way: str = "") -> Response:
    """Send the code of a factor that has one to send."""
    wanted = wanted_level(flow)
    factor = _chosen(_lifting(check, person, wanted), way) if wanted else None
    if factor is None:
        return RedirectResponse(flows.continue_url(flow.id), 303)
    factor.start(check)
    return RedirectResponse(with_flow(STEP_UP_PATH, flow, way=factor.name, sent="yes"), 303)


@router.post("/step-up/without")
def go_without(session: SessionDep, now: NowDep, flow: OwnFlowDep) -> Response:
    """Go on at the level there is, or tell a service that takes no less that it is not reached."""
    wanted = wanted_level(flow)
    if wanted is not None and wanted.is_essential:
        flows.record_refusal(
            session,
            flow.id,
            "unmet_authentication_requirements",
            "The person did not sign in at the wanted level",
            now,
        )
    else:
        flows.record_level_waived(session, flow.id, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)


def _lifting(
    check: Check, person: SignedInSession, wanted: Wanted
) -> dict[SecondFactor, frozenset[str]]:
    return list_lifting_ways(check.session, check.account_id, person.factors, wanted.level)


def _chosen(lifting: dict[SecondFactor, frozenset[str]], way: str) -> SecondFactor | None:
    """Return the way that the address names, else the strongest."""
    named = next((factor for factor in lifting if factor.name == way), None)
    return named or next(iter(lifting), None)


def _step_up_page(
    request: Request,
    check: Check,
    person: SignedInSession,
    flow: flows.FlowView,
    wanted: Wanted,
    way: str,
    *,
    fault: str = "",
) -> Response:
    lifting = _lifting(check, person, wanted)
    factor = _chosen(lifting, way)
    others = [
        {"url": with_flow(STEP_UP_PATH, flow, way=one.name), "choice": one.words.choice}
        for one in lifting
        if one is not factor
    ]
    is_ready = factor is None or not factor.sends or "sent" in request.query_params or fault
    return show_page(
        request,
        "factors/step_up.html",
        flow,
        words=factor.words if factor else None,
        said=factor.describe(check) if factor and is_ready else "",
        is_ready=bool(is_ready),
        sends=factor.sends if factor else False,
        is_numeric=factor.is_numeric if factor else True,
        options=PASSKEY.options(check, lifting[PASSKEY]) if factor is PASSKEY else "",
        action=with_flow(STEP_UP_PATH, flow, way=factor.name) if factor else "",
        send_action=with_flow(f"{STEP_UP_PATH}/send", flow, way=factor.name) if factor else "",
        without_action=with_flow(f"{STEP_UP_PATH}/without", flow),
        add_url=with_flow("/identity/account/security/passkeys/new", flow),
        others=others,
        is_essential=wanted.is_essential,
        faults=[fault_at(factor, fault)] if fault and factor else [],
    )
