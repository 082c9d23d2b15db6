"""The pages on which a person shows who they are."""

from functools import lru_cache
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.settings import PeopleSettings
from identity.oidc import flows
from identity.safe.actions import store
from identity.safe.queries import has_stored
from identity.signin.access import (
    OwnFlowDep,
    PeopleSettingsDep,
    SignedInDep,
    VaultDep,
    show_page,
)
from identity.verification import actions, rules
from identity.verification.gpg45 import Policy, make_policy
from identity.verification.provider import (
    DocumentCheck,
    ProviderResultError,
    ProviderUnavailableError,
)
from identity.verification.providers.document_check import HttpDocumentCheck
from identity.verification.queries import VerificationView, find_latest, get_verification
from shared.clock import london_date
from shared.errors import FieldError, Invalid, NotFound
from shared.logs import get_logger
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
_DETAILS = "verification/details.html"
# The error summary links to the first field of a group.
_FIRST_FIELDS = {"birth_date": "birth_date-day"}


@lru_cache(maxsize=2)
def _provider_at(url: str, key: str) -> HttpDocumentCheck:
    return HttpDocumentCheck(url, key)


def get_provider(settings: PeopleSettingsDep) -> DocumentCheck:
    """Return the provider of document checks that the settings name."""
    return _provider_at(settings.document_check_url, settings.document_check_key)


ProviderDep = Annotated[DocumentCheck, Depends(get_provider)]


def _policy(settings: PeopleSettings) -> Policy:
    return make_policy(
        settings.accepted_profiles,
        fraud_check_days=settings.fraud_check_days,
        expired_permit_days=settings.expired_permit_days,
    )


def _to(path: str, flow: flows.FlowView, **query: object) -> Response:
    pairs = urlencode({**{name: str(value) for name, value in query.items()}, "flow": flow.id})
    return RedirectResponse(f"/identity/verify{path}?{pairs}", 303)


@router.get("/verify")
def explain(
    request: Request,
    session: SessionDep,
    person: SignedInDep,
    flow: OwnFlowDep,
) -> Response:
    """Explain what a check is and what is needed; offer what is stored or under way already."""
    latest = find_latest(session, person.account_id, flow.id)
    if latest is not None and latest.state in rules.SUCCESSES and flow.verified_at is None:
        return _to("/outcome", flow, verification=latest.id)
    is_under_way = latest is not None and latest.state in ("with_provider", "collecting")
    return show_page(
        request,
        "verification/explain.html",
        flow,
        has_stored=has_stored(session, person.account_id, {rules.GPG45_SCOPE}),
        under_way_url=(
            f"/identity/verify/return?verification={latest.id}&flow={flow.id}"
            if latest is not None and is_under_way
            else ""
        ),
    )


@router.post("/verify/use-saved")
def use_saved(session: SessionDep, now: NowDep, person: SignedInDep, flow: OwnFlowDep) -> Response:
    """Go on with what is stored; refuses when nothing is."""
    if not has_stored(session, person.account_id, {rules.GPG45_SCOPE}):
        raise NotFound("nothing_saved", "You have no saved details")
    flows.record_verification_done(session, flow.id, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)


@router.get("/verify/details")
def show_details(request: Request, flow: OwnFlowDep) -> Response:
    """Ask who the person is and which document they have."""
    return _details_page(request, flow, values={}, faults=())


@router.post("/verify/details")
def send_details(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    provider: ProviderDep,
    person: SignedInDep,
    flow: OwnFlowDep,
    now: NowDep,
) -> Response:
    """Begin the check, or show the form again."""
    values = form.plain()
    try:
        claimed = rules.read_claimed(values, london_date(now))
    except Invalid as invalid:
        return _details_page(request, flow, values=values, faults=invalid.fields)
    back = f"{runtime.settings.public_url}/identity/verify/return?flow={flow.id}&verification="
    try:
        verification_id = actions.start(
            runtime.database,
            vault,
            provider,
            flow=flow,
            account_id=person.account_id,
            claimed=claimed,
            return_url=back,
            now=now,
        )
    except ProviderUnavailableError as error:
        get_logger().warning("verification.provider_unavailable", reason=str(error))
        return _details_page(request, flow, values=values, faults=(), is_down=True)
    return _to("/hand-over", flow, verification=verification_id)


def _details_page(
    request: Request,
    flow: flows.FlowView,
    *,
    values: dict[str, str],
    faults: tuple[FieldError, ...],
    is_down: bool = False,
) -> Response:
    return show_page(
        request,
        _DETAILS,
        flow,
        faults=[
            FieldError(_FIRST_FIELDS.get(fault.field, fault.field), fault.message)
            for fault in faults
        ],
        status=503 if is_down else None,
        values=values,
        documents=rules.DOCUMENTS,
        is_down=is_down,
    )


def _own(
    session: SessionDep, verification: UUID, person: SignedInDep, flow: OwnFlowDep
) -> VerificationView:
    """Return the verification that the address names, if it is the person's and the flow's own."""
    found = get_verification(session, verification, person.account_id)
    if found is None or found.flow_id != flow.id:
        raise NotFound("verification_unknown", "There is no such check of your identity")
    return found


OwnVerificationDep = Annotated[VerificationView, Depends(_own)]


@router.get("/verify/hand-over")
def hand_over(request: Request, flow: OwnFlowDep, found: OwnVerificationDep) -> Response:
    """Lead the person to the provider's capture page."""
    if found.state == "abandoned":
        return _to("/details", flow)
    if found.state not in ("starting", "with_provider"):
        return _to("/return", flow, verification=found.id)
    return show_page(
        request,
        "verification/hand_over.html",
        flow,
        capture_url=found.capture_url,
        here=f"/identity/verify/hand-over?verification={found.id}&flow={flow.id}",
    )


@router.get("/verify/return")
def come_back(
    request: Request,
    runtime: RuntimeDep,
    vault: VaultDep,
    provider: ProviderDep,
    settings: PeopleSettingsDep,
    person: SignedInDep,
    flow: OwnFlowDep,
    verification: UUID,
    now: NowDep,
) -> Response:
    """Fetch the result; lead to the outcome, or say that it takes a while."""
    is_down = False
    state: rules.State = "with_provider"
    try:
        state = actions.collect(
            runtime.database,
            vault,
            provider,
            _policy(settings),
            flow=flow,
            account_id=person.account_id,
            verification_id=verification,
            now=now,
        )
    except (ProviderUnavailableError, ProviderResultError) as error:
        get_logger().warning(
            "verification.result_unavailable", kind=type(error).__name__, reason=str(error)
        )
        is_down = True
    if state in rules.OUTCOMES:
        return _to("/outcome", flow, verification=verification)
    if state == "abandoned":
        return _to("/details", flow)
    return show_page(
        request,
        "verification/waiting.html",
        flow,
        status=503 if is_down else None,
        is_down=is_down,
        here=f"/identity/verify/return?verification={verification}&flow={flow.id}",
        capture=f"/identity/verify/hand-over?verification={verification}&flow={flow.id}",
    )


@router.get("/verify/outcome")
def show_outcome(request: Request, flow: OwnFlowDep, found: OwnVerificationDep) -> Response:
    """Say what came of the check, and what to do next when it failed."""
    if found.state not in rules.OUTCOMES:
        return _to("/return", flow, verification=found.id)
    return show_page(
        request,
        "verification/outcome.html",
        flow,
        is_verified=found.state in rules.SUCCESSES,
        failure=found.failure,
    )


@router.get("/verify/store")
def ask_to_store(request: Request, flow: OwnFlowDep) -> Response:
    """Ask whether the verified details may be kept for the next time."""
    return _store_page(request, flow)


@router.post("/verify/store")
def decide_to_store(
    request: Request,
    form: FormDep,
    session: SessionDep,
    person: SignedInDep,
    flow: OwnFlowDep,
    now: NowDep,
) -> Response:
    """Keep the details or not, and go on."""
    answer = form.text("store")
    if answer not in ("yes", "no"):
        fault = FieldError("store", "Choose whether we may save your details")
        return _store_page(request, flow, fault)
    _check_done(session, person, flow, rules.SUCCESSES)
    if answer == "yes":
        store(session, account_id=person.account_id, flow_id=flow.id, now=now)
    flows.record_verification_done(session, flow.id, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)


@router.post("/verify/go-on")
def go_on_without(
    session: SessionDep, person: SignedInDep, flow: OwnFlowDep, now: NowDep
) -> Response:
    """Go back to the service although the check failed; it is told that it did."""
    _check_done(session, person, flow, frozenset({"failed"}))
    flows.record_verification_done(session, flow.id, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)


def _check_done(
    session: SessionDep,
    person: SignedInDep,
    flow: flows.FlowView,
    states: frozenset[rules.State],
) -> None:
    latest = find_latest(session, person.account_id, flow.id)
    if latest is None or latest.state not in states:
        raise NotFound("verification_unknown", "There is no finished check of your identity here")


def _store_page(
    request: Request, flow: flows.FlowView, fault: FieldError | None = None
) -> Response:
    return show_page(
        request,
        "verification/store.html",
        flow,
        faults=[fault] if fault else [],
    )
