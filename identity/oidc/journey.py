"""From a checked request to an answer: used by ``/authorize`` and by ``/identity/continue``."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from identity.oidc.actions import issue_code
from identity.oidc.ciba_core import remember_subject
from identity.oidc.core_subjects import subject_of
from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.flows import FlowRequest, FlowView
from identity.oidc.onelogin_identity import has_proved_identity, settle_identity
from identity.oidc.provider import Call
from identity.oidc.rfc9207_answers import ClientAnswer, answer_with_code, answer_with_error
from identity.oidc.secured import is_pushed_open
from identity.oidc.steps import Step, next_step
from identity.relying_parties.grants import CIBA
from identity.relying_parties.profiles import VERIFIED_SCOPES
from identity.relying_parties.rules import RelyingParty
from identity.safe.queries import list_attributes
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token, random_token


@dataclass(frozen=True)
class Advance:
    """Where a flow stands: the next step of the person, or the client's answer."""

    step: Step
    answer: ClientAnswer | None = None


def make_flow(
    draft: Draft, flow_id: UUID, browser: str, signed_in: SignedInSession | None
) -> FlowView:
    """Return a checked request as a flow; it is stored only if the person has to do something."""
    client, now = draft.known_client, draft.call.now
    return FlowView(
        id=flow_id,
        client_id=client.client_id,
        client_name=client.name,
        organisation=client.organisation,
        first_party=client.first_party,
        is_sandbox=client.options.environment == "sandbox",
        landing_page=client.landing_page,
        profile=client.profile,
        request=draft.as_request(),
        browser_hash=hash_token(browser),
        account_id=signed_in.account_id if signed_in else None,
        session_id=signed_in.id if signed_in else None,
        signed_in_at=signed_in.authenticated_at if signed_in else None,
        verified_at=None,
        consented_at=None,
        shared_scopes=None,
        error=None,
        error_description=None,
        created_at=now,
        expires_at=now + timedelta(days=draft.call.profile.flow_days),
        finished_at=None,
    )


def advance(
    call: Call, flow: FlowView, client: RelyingParty, signed_in: SignedInSession | None
) -> Advance:
    """Decide what is next and, when nothing is left to ask, issue the code.

    Raises:
        ProtocolError: the person refused, or may not be asked; for ``answer_refusal``.
    """
    flow = settle_identity(call, flow, signed_in)
    has_result = _has_safe_result(call, flow, signed_in)
    step = next_step(flow, signed_in, call.now, has_safe_result=has_result, remembers_consent=True)
    if step != "answer" or signed_in is None:
        return Advance(step)
    same_person = flow.account_id == signed_in.account_id
    agreed = same_person and flow.consented_at is not None
    code = random_token()
    issued = issue_code(
        call.quick,
        code,
        flow,
        _shared(flow, client, agreed=agreed),
        signed_in,
        subject_of(signed_in.account_id, client, call.keys.salt),
        code_seconds=min(call.provider.settings.code_seconds, call.profile.code_seconds),
        now=call.now,
        remembered_only=bool(flow.remembered_items) and not client.first_party and not agreed,
    )
    if not issued:
        check_not_answered(call, flow.request)
        # The optimistic statement found that the person had not agreed to this before.
        return Advance(next_step(flow, signed_in, call.now, has_safe_result=has_result))
    if CIBA in client.grant_types:
        remember_subject(
            call.session,
            client.client_id,
            subject_of(signed_in.account_id, client, call.keys.salt),
            signed_in.account_id,
        )
    request = flow.request
    return Advance(
        "answer",
        answer_with_code(
            request.redirect_uri,
            request.response_mode,
            code=code,
            state=request.state,
            issuer=call.issuer.url,
        ),
    )


def _shared(flow: FlowView, client: RelyingParty, *, agreed: bool) -> tuple[str, ...]:
    """Return what the client is shown: what was agreed to in this flow, all to our own clients."""
    if agreed:
        return flow.shared_scopes or ()
    return flow.remembered_items if client.first_party else ()


def check_not_answered(call: Call, request: FlowRequest) -> None:
    """Refuse a pushed request whose answer another window got meanwhile (RFC 9126, section 4)."""
    if request.pushed and not is_pushed_open(call.quick, bytes.fromhex(request.pushed)):
        raise ProtocolError("invalid_request_uri", "The pushed request was answered already")


def answer_refusal(call: Call, request: FlowRequest, error: ProtocolError) -> ClientAnswer:
    """Return a refusal as the client is told of it."""
    return answer_with_error(
        request.redirect_uri,
        request.response_mode,
        error,
        state=request.state,
        issuer=call.issuer.url,
    )


def _has_safe_result(call: Call, flow: FlowView, signed_in: SignedInSession | None) -> bool:
    if signed_in is None or not flow.needs_verification:
        return False
    if flow.wants_identity:
        return has_proved_identity(call, flow, signed_in)
    known = list_attributes(
        call.session, signed_in.account_id, call.provider.sealer, flow_id=flow.id
    )
    return any(item["scope"] in VERIFIED_SCOPES for item in known)
