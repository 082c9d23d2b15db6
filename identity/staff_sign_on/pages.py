"""Signing in with one's organisation: the address, the way there, the way back."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from identity.accounts.rules import check_email
from identity.oidc.access import ProviderDep
from identity.oidc.flows import FlowView, get_flow
from identity.oidc.provider import Provider
from identity.organisations.queries import get_organisation_name
from identity.signin.access import (
    FlowDep,
    MaybeSessionDep,
    PeopleSettingsDep,
    VaultDep,
    VisitorDep,
    redirect_signed_in,
    remember,
    show_page,
)
from identity.signin.actions import Visitor, check_address_limit
from identity.staff_sign_on import actions
from identity.staff_sign_on.queries import (
    find_upstream_by_domain,
    get_credential,
    get_upstream,
)
from identity.staff_sign_on.rules import (
    CALLBACK_PATH,
    StaffIdentity,
    UpstreamPolicy,
    UpstreamRefusedError,
    domain_of,
)
from identity.staff_sign_on.upstream import (
    UpstreamAwayError,
    authorization_url,
    check_answer,
    fetch_metadata,
    sign_in,
)
from shared.errors import FieldError, Invalid, NotFound, Problem
from shared.logs import get_logger
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public
from shared.web.runtime import Runtime

router = APIRouter(dependencies=[Depends(public)])
_NO_ORGANISATION = FieldError(
    "email", "No organisation lets its staff sign in here by this address"
)


@router.get("/sign-in/organisation")
def show_organisation(request: Request, flow: FlowDep, _visitor: VisitorDep) -> Response:
    """Ask for the work address, from which the organisation follows."""
    return show_page(request, "staff_sign_on/ask.html", flow, values={})


@router.post("/sign-in/organisation")
def choose_organisation(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    vault: VaultDep,
    visitor: VisitorDep,
    settings: PeopleSettingsDep,
    flow: FlowDep,
    now: NowDep,
) -> Response:
    """Show the way to the organisation's own sign-in."""
    with runtime.database.transaction() as session:
        check_address_limit(session, vault, visitor, settings.forms_per_address, now)
    faults: tuple[FieldError, ...] = ()
    email, policy = "", None
    try:
        email = check_email(form.text("email"))
    except Invalid as refused:
        faults = refused.fields
    if not faults:
        with runtime.database.transaction() as session:
            policy = find_upstream_by_domain(session, domain_of(email))
        faults = () if policy else (_NO_ORGANISATION,)
    if policy is None:
        values = {"email": form.text("email")}
        return show_page(request, "staff_sign_on/ask.html", flow, values=values, faults=faults)
    address, name = begin(runtime, provider, policy, visitor, now=now, login_hint=email, flow=flow)
    page = show_page(
        request,
        "staff_sign_on/go.html",
        flow,
        address=address,
        host=urlsplit(address).hostname,
        organisation=name,
    )
    return remember(request, page, flow)


def begin(
    runtime: Runtime,
    provider: Provider,
    policy: UpstreamPolicy,
    visitor: Visitor,
    *,
    now: NowDep,
    login_hint: str = "",
    flow: FlowView | None = None,
    account_id: object = None,
) -> tuple[str, str]:
    """Write an attempt down and return where the browser goes, and the body's name.

    Raises:
        Problem: the organisation's provider does not answer.
    """
    try:
        metadata = fetch_metadata(provider.outbound, policy.issuer)
    except UpstreamAwayError as error:
        raise _away(policy.organisation, error) from error
    with runtime.database.transaction() as session:
        state, kept = actions.start_attempt(
            session,
            runtime.sealer,
            policy,
            visitor,
            flow_id=flow.id if flow else None,
            account_id=account_id,  # type: ignore[arg-type]  # a UUID or None
            now=now,
        )
        name = get_organisation_name(session, policy.organisation)
    redirect_uri = f"{provider.settings.public_url}{CALLBACK_PATH}"
    address = authorization_url(
        metadata, policy, redirect_uri=redirect_uri, state=state, kept=kept, login_hint=login_hint
    )
    return address, name


@router.get("/sign-in/organisation/callback")
def come_back(
    request: Request,
    runtime: RuntimeDep,
    provider: ProviderDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: MaybeSessionDep,
    now: NowDep,
) -> Response:
    """Let in whoever the organisation's provider says is there; an answer counts once."""
    params = dict(request.query_params)
    with runtime.database.transaction() as session:
        attempt = actions.use_attempt(
            session, runtime.sealer, params.get("state", ""), visitor.browser_hash, now
        )
        policy = get_upstream(session, attempt.organisation) if attempt else None
        sealed = get_credential(session, attempt.organisation) if attempt else None
        flow = get_flow(session, attempt.flow_id, now) if attempt and attempt.flow_id else None
    if attempt is None or policy is None or sealed is None or not policy_holds(policy, attempt):
        raise NotFound(
            "sign_in_over",
            "This sign-in is over",
            detail="It took too long, was used already, or began in another browser. Start again.",
        )
    if attempt.account_id is not None and (
        person is None or person.account_id != attempt.account_id
    ):
        raise NotFound("sign_in_over", "This sign-in is over")
    credential = actions.open_credential(runtime.sealer, policy.organisation, sealed)
    identity = _ask(provider, policy, credential, attempt, params, now)
    with runtime.database.transaction() as session:
        opened = actions.let_in(session, vault, visitor, attempt, identity, now)
    if attempt.account_id is not None:
        response = redirect_signed_in(request, opened, None)
        response.headers["Location"] = (
            f"/identity/console/{policy.organisation}/sign-on?done=linked"
        )
        return response
    return redirect_signed_in(request, opened, flow)


def policy_holds(policy: UpstreamPolicy, attempt: actions.Attempt) -> bool:
    """Tell whether a provider may answer: switched on, or tried out by its own staff."""
    return policy.enabled or attempt.account_id is not None


def _ask(
    provider: Provider,
    policy: UpstreamPolicy,
    credential: dict[str, object],
    attempt: actions.Attempt,
    params: dict[str, str],
    now: NowDep,
) -> StaffIdentity:
    try:
        metadata = fetch_metadata(provider.outbound, policy.issuer)
        return sign_in(
            provider.outbound,
            metadata,
            policy,
            credential,
            code=check_answer(metadata, params),
            redirect_uri=f"{provider.settings.public_url}{CALLBACK_PATH}",
            kept=attempt.kept,
            now=now,
        )
    except UpstreamAwayError as error:
        raise _away(policy.organisation, error) from error
    except UpstreamRefusedError as error:
        get_logger().warning(
            "staff_sign_on.refused", organisation=policy.organisation, reason=str(error)
        )
        raise Problem(
            "upstream_refused",
            "Your organisation did not let you in here",
            detail="Start again. If it goes on, tell your IT department the time of this try.",
            status=403,
        ) from error


def _away(organisation: str, error: UpstreamAwayError) -> Problem:
    get_logger().warning("staff_sign_on.away", organisation=organisation, reason=str(error))
    return Problem(
        "upstream_away",
        "Your organisation's sign-in does not answer",
        detail="Try again in a few minutes. Nothing is wrong with your account here.",
        status=502,
        retry_after_seconds=60,
    )


@router.get("/staff-sign-on/{body}/jwks.json")
def show_keys(session: SessionDep, runtime: RuntimeDep, body: str) -> Response:
    """Publish the key with which we prove ourselves at a body's provider."""
    sealed = get_credential(session, body)
    if sealed is None:
        raise NotFound("not_found", "Page not found")
    key = actions.public_key_of(actions.open_credential(runtime.sealer, body, sealed))
    headers = {"Cache-Control": "public, max-age=300"}
    return JSONResponse({"keys": [key] if key else []}, headers=headers)
