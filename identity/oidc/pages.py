"""Pages between the steps of a flow, and the ones of signing out everywhere."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.oidc.access import (
    FlowKeysDep,
    MaybeSignedIn,
    ProviderDep,
    SentDep,
    browser_of,
    note_refusal,
    refuse_on_page,
    send_back,
)
from identity.oidc.authorize import check_request, draft_of
from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.flow_rows import finish_flow
from identity.oidc.flows import FlowView, bind_session, get_flow
from identity.oidc.jarm import secure_answer
from identity.oidc.journey import advance, answer_refusal
from identity.oidc.parameters import Parameters
from identity.oidc.polled_journey import advance_polled
from identity.oidc.provider import Call
from identity.oidc.rpinitiated_logout import LogoutRequest, check_logout
from identity.oidc.rules import check_can_continue
from identity.oidc.secured import finish_pushed
from identity.oidc.session_pages import (
    SIGNED_OUT_PATH,
    finish_logout,
    refuse_logout,
    send_signed_in,
)
from identity.oidc.steps import page_of
from identity.sandbox.access import sandbox_session
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token
from shared.errors import NotFound
from shared.web.deps import FormDep, NowDep, SessionDep, public
from shared.web.pages import wish_language
from shared.web.runtime import runtime_of

router = APIRouter(dependencies=[Depends(public)])


def load_flow(session: SessionDep, now: NowDep, flow: str = "") -> FlowView:
    """Return the flow that the address names."""
    try:
        flow_id = UUID(flow)
    except ValueError as error:
        raise NotFound("flow_unknown", "This sign-in is no longer there") from error
    return get_flow(session, flow_id, now)


FlowDep = Annotated[FlowView, Depends(load_flow)]


@router.get("/continue")
def continue_flow(
    request: Request,
    _keys: FlowKeysDep,
    flow: FlowDep,
    session: SessionDep,
    now: NowDep,
    provider: ProviderDep,
    signed_in: MaybeSignedIn,
) -> Response:
    """Lead the person to the next step of a flow, or back to the service with its answer."""
    wish_language(request, flow.request.ui_locales)
    if flow.is_sandbox:
        signed_in = sandbox_session(request, session, flow.organisation, now)
    check_can_continue(flow, signed_in, hash_token(browser_of(request)), now)
    call = Call(provider, provider.issuers[flow.profile], session, now)
    if flow.request.polled_request is not None:
        return RedirectResponse(advance_polled(call, flow, signed_in), 303)
    draft = draft_of(call, flow)
    try:
        check_request(draft, "resume")
        done = advance(call, flow, draft.known_client, signed_in)
    except PageError as error:
        return refuse_on_page(request, error)
    except ProtocolError as error:
        finish_flow(session, flow.id, now)
        if flow.request.pushed:
            finish_pushed(session, bytes.fromhex(flow.request.pushed), now)
        refusal = answer_refusal(call, flow.request, error)
        secured = secure_answer(call, flow.client_id, refusal)
        return note_refusal(request, send_back(request, secured), error, flow.client_id)
    if done.answer is not None:
        finish_flow(session, flow.id, now)
        return send_signed_in(request, call, draft.known_client, signed_in, done.answer)
    if signed_in is not None and flow.account_id != signed_in.account_id:
        _bind(call, flow, signed_in)
    return RedirectResponse(page_of(done.step, flow), 303)


def _bind(call: Call, flow: FlowView, signed_in: SignedInSession) -> None:
    bind_session(
        call.session,
        flow.id,
        signed_in.account_id,
        signed_in.id,
        call.now,
        signed_in_at=signed_in.authenticated_at,
    )


@router.get("/logout")
def ask_logout(
    request: Request,
    sent: SentDep,
    session: SessionDep,
    now: NowDep,
    provider: ProviderDep,
    signed_in: MaybeSignedIn,
) -> Response:
    """Ask whether to sign out, because the client did not show that the session is its own."""
    call = _logout_call(provider, session, now, sent.query)
    try:
        wanted = check_logout(call, sent.query, signed_in)
    except PageError as error:
        return refuse_logout(request, error)
    if signed_in is None:
        return RedirectResponse(wanted.return_to or SIGNED_OUT_PATH, 303)
    return runtime_of(request).pages.render(
        request,
        "oidc/logout.html",
        client_name=wanted.client.name if wanted.client else "",
        members=sent.query.pairs,
        form_action=_origins(wanted),
    )


@router.post("/logout")
def do_logout(
    request: Request,
    form: FormDep,
    session: SessionDep,
    now: NowDep,
    provider: ProviderDep,
    signed_in: MaybeSignedIn,
) -> Response:
    """End the session, as the person confirmed."""
    params = Parameters.of(form.plain().items())
    call = _logout_call(provider, session, now, params)
    try:
        wanted = check_logout(call, params, signed_in)
    except PageError as error:
        return refuse_logout(request, error)
    return finish_logout(request, call, wanted, signed_in)


def _logout_call(
    provider: ProviderDep, session: SessionDep, now: NowDep, params: Parameters
) -> Call:
    issuer = provider.issuers.get(params.get("profile") or "", provider.issuers["oidc"])
    return Call(provider, issuer, session, now)


def _origins(wanted: LogoutRequest) -> list[str]:
    scheme, _, rest = (wanted.return_to or "").partition("://")
    return [f"{scheme}://{rest.split('/', 1)[0].split('?', 1)[0]}"] if rest else []


@router.get("/signed-out")
def signed_out(request: Request) -> Response:
    """Say that the person is signed out."""
    return runtime_of(request).pages.render(request, "oidc/signed_out.html")
