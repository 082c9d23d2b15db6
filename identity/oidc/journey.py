"""From a checked request to an answer: used by ``/authorize`` and by ``/identity/continue``."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from identity.oidc.ciba_core import remember_subject
from identity.oidc.claim_names import is_as_wished, wishes_of, without_items
from identity.oidc.core_hybrid import authorisation_now, make_front_members
from identity.oidc.core_subjects import subject_of
from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.flows import UNTOUCHED_LIFE, FlowRequest, FlowView
from identity.oidc.issuing import issue_code
from identity.oidc.oauth_response_types import brings
from identity.oidc.onelogin_identity import has_proved_identity, settle_identity
from identity.oidc.provider import Call
from identity.oidc.rfc9207_answers import ClientAnswer, answer_with, answer_with_error
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
    life = timedelta(days=draft.call.profile.flow_days) if signed_in else UNTOUCHED_LIFE
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
        expires_at=now + life,
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
    subject = subject_of(signed_in.account_id, client, call.keys.salt) if signed_in else ""
    expected = signed_in is None or is_expected(flow.request, subject)
    step = next_step(
        flow,
        signed_in,
        call.now,
        has_safe_result=has_result,
        remembers_consent=True,
        is_expected=expected,
    )
    if step != "answer" or signed_in is None:
        return Advance(step)
    answer = _issue(call, flow, client, signed_in, subject)
    if answer is None:
        # The optimistic statement found that the person had not agreed to this before.
        return Advance(next_step(flow, signed_in, call.now, has_safe_result=has_result))
    return Advance("answer", answer)


def _issue(
    call: Call, flow: FlowView, client: RelyingParty, signed_in: SignedInSession, subject: str
) -> ClientAnswer | None:
    """Write the authorisation and return the answer; None where consent is still to be asked."""
    same_person = flow.account_id == signed_in.account_id
    agreed = same_person and flow.consented_at is not None
    granted = _as_agreed(flow) if agreed else replace(flow, shared_scopes=None)
    code, request = random_token(), granted.request
    authorisation_id = issue_code(
        call.quick,
        code,
        granted,
        _shared(flow, client, agreed=agreed),
        signed_in,
        subject,
        code_seconds=min(call.provider.settings.code_seconds, call.profile.code_seconds),
        now=call.now,
        remembered_only=bool(flow.remembered_items) and not client.first_party and not agreed,
        is_code_sent=brings(request.response_type, "code"),
    )
    if authorisation_id is None:
        check_not_answered(call, flow.request)
        return None
    if CIBA in client.grant_types:
        remember_subject(call.session, client.client_id, subject, signed_in.account_id)
    members = {"code": code}
    if request.response_type != "code":
        written = authorisation_now(call, granted, signed_in, authorisation_id, subject)
        members = make_front_members(call, written, client, granted, code)
    return answer_with(
        request.redirect_uri,
        request.response_mode,
        members,
        state=request.state,
        issuer=call.issuer.url,
    )


def _shared(flow: FlowView, client: RelyingParty, *, agreed: bool) -> tuple[str, ...]:
    """Return what the client is shown: what was agreed to in this flow, all to our own clients."""
    if agreed:
        return flow.shared_scopes or ()
    return flow.remembered_items if client.first_party else ()


def _as_agreed(flow: FlowView) -> FlowView:
    """Return a flow without what the person chose not to share."""
    asked = {*flow.requested_details, *flow.requested_attributes}
    refused = asked - set(flow.shared_scopes or ())
    if not refused:
        return flow
    request = flow.request
    details = refused & set(flow.requested_details)
    claims = without_items(request.asked.claims, refused)
    narrowed = replace(
        request,
        scopes=tuple(scope for scope in request.scopes if scope not in details),
        asked=replace(request.asked, claims=claims),
    )
    return replace(flow, request=narrowed)


def is_expected(request: FlowRequest, subject: str) -> bool:
    """Tell whether a person is whom the client named, by a hint or by ``sub`` (Core, 5.5.1)."""
    if request.hint_subject is not None and request.hint_subject != subject:
        return False
    wishes = (wishes_of(request.asked.claims, target) for target in ("id_token", "userinfo"))
    return all(is_as_wished(subject, wish.get("sub")) for wish in wishes)


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
