"""The way of a person through a request that waits elsewhere: sign in, choose, decide."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.oidc.ciba_core import remember_subject
from identity.oidc.core_subjects import subject_of
from identity.oidc.errors import ProtocolError
from identity.oidc.flow_rows import finish_flow, start_flow
from identity.oidc.flows import FlowRequest, FlowView, bind_session
from identity.oidc.polled import Waiting, approve, deny, find_waiting
from identity.oidc.provider import Call
from identity.oidc.rfc9396_authorization_details import youngest_sign_in
from identity.oidc.steps import PAGES, next_step
from identity.relying_parties.grants import CIBA, DEVICE
from identity.relying_parties.rules import RelyingParty
from identity.safe.queries import list_attributes
from identity.signin.queries import SignedInSession
from shared import audit
from shared.errors import Conflict, Forbidden
from shared.ids import new_id
from shared.outbox import enqueue

DONE_PATH = "/identity/device/done"
APPROVE_PATH = "/identity/approve"
PING_TOPIC = "identity.oidc.ping_client"
_QUIET_SCOPES = frozenset({"openid", "offline_access"})
_GRANTS = {"device": DEVICE, "ciba": CIBA}


@dataclass(frozen=True)
class Asker:
    """A request that waits, and the client that made it."""

    waiting: Waiting
    client: RelyingParty


def find_asker(call: Call, request_id: str | UUID) -> Asker:
    """Return a request that waits with its client.

    Raises:
        Conflict: it was decided, has expired, or its client may not ask any more.
    """
    waiting = find_waiting(call.session, UUID(str(request_id)), call.now)
    client = call.find_client(waiting.client_id) if waiting is not None else None
    if waiting is None or client is None or _GRANTS[waiting.kind] not in client.grant_types:
        raise _over()
    return Asker(waiting, client)


def begin_flow(call: Call, asker: Asker, browser_hash: bytes) -> UUID:
    """Start the way of a person through a request; what they share is asked each time."""
    waiting, client = asker.waiting, asker.client
    flow_id = new_id()
    wants_details = bool(set(waiting.scopes) - _QUIET_SCOPES)
    request = FlowRequest(
        redirect_uri=f"{call.provider.settings.public_url}{DONE_PATH}",
        scopes=waiting.scopes,
        prompt=("consent",) if wants_details else (),
        max_age_seconds=youngest_sign_in(waiting.asked.authorization_details),
        polled_request=str(waiting.id),
        asked=waiting.asked,
    )
    flow = FlowView(
        id=flow_id,
        client_id=client.client_id,
        client_name=client.name,
        organisation=client.organisation,
        first_party=client.first_party,
        landing_page=client.landing_page,
        profile=waiting.profile,
        request=request,
        browser_hash=browser_hash,
        account_id=None,
        session_id=None,
        signed_in_at=None,
        verified_at=None,
        consented_at=None,
        shared_scopes=None,
        error=None,
        error_description=None,
        created_at=call.now,
        expires_at=waiting.valid_until,
        finished_at=None,
    )
    start_flow(call.session, flow)
    return flow_id


def advance_polled(call: Call, flow: FlowView, signed_in: SignedInSession | None) -> str:
    """Return the page a person goes to next; a refusal on the way ends the request.

    Raises:
        Conflict: the request is over.
        Forbidden: the person is not the one whom the client asked for.
    """
    asker = find_asker(call, flow.request.polled_request or "")
    try:
        step = next_step(
            flow, signed_in, call.now, has_safe_result=_has_safe_result(call, flow, signed_in)
        )
    except ProtocolError:
        refuse(call, asker.waiting)
        finish_flow(call.session, flow.id, call.now)
        return done_path(asker.waiting, "refused")
    if signed_in is not None:
        check_person(asker.waiting, signed_in)
        if flow.account_id != signed_in.account_id:
            bind_session(
                call.session,
                flow.id,
                signed_in.account_id,
                signed_in.id,
                call.now,
                signed_in_at=signed_in.authenticated_at,
            )
    return f"{APPROVE_PATH if step == 'answer' else PAGES[step]}?flow={flow.id}"


def agree(call: Call, flow: FlowView, signed_in: SignedInSession) -> str:
    """Let the client have what the person agreed to share; returns the page that says so.

    A person who has a step left, or whose sign-in grew too old meanwhile, is led to it instead.
    """
    asker = find_asker(call, flow.request.polled_request or "")
    waiting, client = asker.waiting, asker.client
    check_person(waiting, signed_in)
    path = advance_polled(call, flow, signed_in)
    if not path.startswith(APPROVE_PATH):
        return path
    shared = set(flow.shared_scopes or ())
    asked = {*flow.requested_details, *flow.requested_attributes}
    scopes = tuple(one for one in waiting.scopes if one not in asked or one in shared)
    subject = subject_of(signed_in.account_id, client, call.keys.salt)
    done = approve(
        call.session,
        waiting.id,
        signed_in,
        flow_id=flow.id,
        subject=subject,
        scopes=scopes,
        shared_scopes=tuple(one for one in flow.requested_attributes if one in shared),
        now=call.now,
    )
    if not done:
        raise _over()
    if CIBA in client.grant_types:
        remember_subject(call.session, client.client_id, subject, signed_in.account_id)
    _after(call.session, waiting)
    finish_flow(call.session, flow.id, call.now)
    _record(call.session, signed_in.account_id, "request.approved", client)
    return done_path(waiting, "approved")


def disagree(call: Call, flow: FlowView, signed_in: SignedInSession | None) -> str:
    """Refuse the client its tokens; returns the page that says so."""
    asker = find_asker(call, flow.request.polled_request or "")
    if signed_in is not None:
        check_person(asker.waiting, signed_in)
        _record(call.session, signed_in.account_id, "request.refused", asker.client)
    refuse(call, asker.waiting)
    finish_flow(call.session, flow.id, call.now)
    return done_path(asker.waiting, "refused")


def refuse(call: Call, waiting: Waiting) -> None:
    """End a request without tokens.

    Raises:
        Conflict: somebody decided it a moment ago.
    """
    if not deny(call.session, waiting.id, call.now):
        raise _over()
    _after(call.session, waiting)


def check_person(waiting: Waiting, signed_in: SignedInSession) -> None:
    """Refuse a decoupled request in the hands of another person."""
    if waiting.kind == "ciba" and waiting.account_id != signed_in.account_id:
        raise Forbidden(
            "request_of_another",
            "This request is for somebody else",
            detail="Sign out, then sign in with the account that was asked.",
        )


def find_asked(session: Session, request_id: UUID, account_id: UUID, now: datetime) -> Waiting:
    """Return a decoupled request that waits for a person."""
    waiting = find_waiting(session, request_id, now)
    if waiting is None or waiting.kind != "ciba" or waiting.account_id != account_id:
        raise _over()
    return waiting


def done_path(waiting: Waiting, result: str) -> str:
    """Return the page that ends the way."""
    return f"{DONE_PATH}?result={result}&kind={waiting.kind}"


def _after(session: Session, waiting: Waiting) -> None:
    if waiting.notification_sealed is not None:
        enqueue(session, PING_TOPIC, {"request_id": str(waiting.id)}, key=str(waiting.id))


def _has_safe_result(call: Call, flow: FlowView, signed_in: SignedInSession | None) -> bool:
    if signed_in is None or not flow.needs_verification:
        return False
    known = list_attributes(
        call.session, signed_in.account_id, call.provider.sealer, flow_id=flow.id
    )
    return bool(known)


def _record(session: Session, account_id: UUID, action: str, client: RelyingParty) -> None:
    audit.record(
        session, citizen(account_id), action, "account", account_id, {"client": client.name}
    )


def _over() -> Conflict:
    return Conflict(
        "request_over",
        "This request is over",
        detail="It was answered or has expired. Start again on your device or at the service.",
    )
