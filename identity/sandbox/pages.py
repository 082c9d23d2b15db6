"""Pages of the sandbox: choose a test person instead of signing in, wait for a slow check."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from identity.oidc import flows
from identity.oidc.access import browser_of
from identity.sandbox import actions
from identity.sandbox.access import keep_sandbox_session, sandbox_session
from identity.sandbox.personas import PERSONAS, Persona
from identity.sandbox.queries import find_wait, get_persona
from identity.signin.access import (
    FlowDep,
    PeopleSettingsDep,
    VaultDep,
    remember,
    show_page,
)
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token
from shared.errors import FieldError, Forbidden, NotFound
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep, public

router = APIRouter(prefix="/sandbox", dependencies=[Depends(public)])
_CHOOSE = FieldError("persona", "Choose a test person")


def get_sandbox_flow(request: Request, flow: FlowDep) -> flows.FlowView:
    """Return the flow of a sandbox client that this browser began; refuses every other."""
    if flow is None or not flow.is_sandbox:
        raise NotFound("not_a_sandbox_flow", "This sign-in is not one of the sandbox")
    if hash_token(browser_of(request)) != flow.browser_hash:
        raise Forbidden("flow_of_another_browser", "This sign-in began in another browser")
    return flow


SandboxFlowDep = Annotated[flows.FlowView, Depends(get_sandbox_flow)]


def _person(
    request: Request, session: SessionDep, now: NowDep, flow: SandboxFlowDep
) -> tuple[SignedInSession, Persona]:
    found = sandbox_session(request, session, flow.organisation, now)
    persona = get_persona(session, found.account_id, flow.organisation) if found else None
    if found is None or persona is None or flow.account_id != found.account_id:
        raise Forbidden("nobody_chosen", "No test person is signed in on this flow")
    return found, persona


PersonDep = Annotated[tuple[SignedInSession, Persona], Depends(_person)]


@router.get("/sign-in")
def choose(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    flow: SandboxFlowDep,
    now: NowDep,
    q: str = "",
) -> Response:
    """Let a test person be chosen, or take the one that the client ordered."""
    ordered = PERSONAS.get(flow.request.asked.persona or "")
    if ordered is not None:
        return _begin(request, session, vault, flow, ordered, now)
    return _picker(request, flow, q)


@router.post("/sign-in")
def sign_in(
    request: Request,
    form: FormDep,
    session: SessionDep,
    vault: VaultDep,
    flow: SandboxFlowDep,
    now: NowDep,
) -> Response:
    """Go on as the test person that was chosen."""
    persona = PERSONAS.get(form.text("persona"))
    if persona is None:
        return _picker(request, flow, "", _CHOOSE)
    return _begin(request, session, vault, flow, persona, now)


def _picker(
    request: Request, flow: flows.FlowView, wanted: str, fault: FieldError | None = None
) -> Response:
    words = wanted.casefold().split()
    return show_page(
        request,
        "sandbox/choose.html",
        flow,
        faults=[fault] if fault else [],
        q=wanted[:80],
        personas=[
            one
            for one in PERSONAS.values()
            if all(
                word in f"{one.id} {one.title} {one.hint} {one.name}".casefold() for word in words
            )
        ],
    )


def _begin(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    flow: flows.FlowView,
    persona: Persona,
    now: NowDep,
) -> Response:
    onwards = RedirectResponse(flows.continue_url(flow.id), 303)
    if persona.dead_end == "locked":
        return show_page(request, "sandbox/locked.html", flow)
    if persona.dead_end == "expired":
        actions.expire(session, flow, now)
        return onwards
    if persona.refusal is not None:
        error, description = persona.refusal
        flows.record_refusal(session, flow.id, error, description, now)
        return onwards
    opened = actions.sign_in(session, vault, flow, persona, now)
    return keep_sandbox_session(request, remember(request, onwards, flow), opened.cookie)


@router.get("/check")
def check(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    settings: PeopleSettingsDep,
    flow: SandboxFlowDep,
    person: PersonDep,
    now: NowDep,
) -> Response:
    """Check the identity of a test person, at once or after the time that their check takes."""
    signed_in, persona = person
    if flow.verified_at is None:
        actions.begin_wait(session, flow, persona, now)
        _, ready_at = find_wait(session, flow.id)
        if ready_at is None or ready_at > now:
            return show_page(
                request,
                "sandbox/waiting.html",
                flow,
                status=503 if persona.is_down else None,
                persona=persona,
                ready_at=ready_at,
                here=f"/identity/sandbox/check?flow={flow.id}",
            )
        actions.finish_check(
            session, runtime.sealer, settings, flow, signed_in.account_id, persona, now
        )
    return RedirectResponse(flows.continue_url(flow.id), 303)


@router.get("/consent")
def consent(session: SessionDep, flow: SandboxFlowDep, person: PersonDep, now: NowDep) -> Response:
    """Answer as an ordered test person does; lead everybody else to the page that asks."""
    signed_in, persona = person
    if flow.request.asked.persona is None and persona.declines is None:
        return RedirectResponse(f"/identity/consent?flow={flow.id}", 303)
    if flow.consented_at is None:
        actions.answer_for(session, flow, signed_in.account_id, persona, now)
    return RedirectResponse(flows.continue_url(flow.id), 303)
