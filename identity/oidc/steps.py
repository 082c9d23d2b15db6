"""What comes next in a flow; pure."""

from datetime import datetime, timedelta
from typing import Literal

from identity.oidc.errors import ProtocolError
from identity.oidc.flows import FlowView
from identity.signin.queries import SignedInSession

Step = Literal["sign_in", "create_account", "verify", "consent", "answer"]

PAGES: dict[Step, str] = {
    "sign_in": "/identity/sign-in",
    "create_account": "/identity/create-account",
    "verify": "/identity/verify",
    "consent": "/identity/consent",
}
_SANDBOX_PAGES: dict[Step, str] = {
    "sign_in": "/identity/sandbox/sign-in",
    "create_account": "/identity/sandbox/sign-in",
    "verify": "/identity/sandbox/check",
    "consent": "/identity/sandbox/consent",
}
_SILENT_ERRORS: dict[Step, str] = {
    "sign_in": "login_required",
    "create_account": "login_required",
    "verify": "interaction_required",
    "consent": "consent_required",
}


def page_of(flow: FlowView, step: Step) -> str:
    """Return the page of a step; fictitious people have pages of their own."""
    return (_SANDBOX_PAGES if flow.is_sandbox else PAGES)[step]


def next_step(
    flow: FlowView,
    signed_in: SignedInSession | None,
    now: datetime,
    *,
    has_safe_result: bool,
    remembers_consent: bool = False,
) -> Step:
    """Return the next thing that the person does, or ``answer`` when the client gets its code.

    What another account did in this flow does not count.

    Raises:
        ProtocolError: the person refused, or ``prompt=none`` forbids to ask (Core, 3.1.2.6).
    """
    if flow.error is not None:
        raise ProtocolError(flow.error, flow.error_description or "")
    step = _step(
        flow,
        signed_in,
        now,
        has_safe_result=has_safe_result,
        remembers_consent=remembers_consent,
    )
    if "none" in flow.prompt and step != "answer":
        raise ProtocolError(_SILENT_ERRORS[step], "The person would have to be asked")
    return step


def _step(
    flow: FlowView,
    signed_in: SignedInSession | None,
    now: datetime,
    *,
    has_safe_result: bool,
    remembers_consent: bool,
) -> Step:
    if signed_in is None:
        return "create_account" if flow.create_account else "sign_in"
    if not is_sign_in_enough(flow, signed_in, now):
        return "sign_in"
    same_person = flow.account_id == signed_in.account_id
    verified = has_safe_result or (same_person and flow.verified_at is not None)
    if flow.needs_verification and not verified:
        return "verify"
    consented = same_person and flow.consented_at is not None
    if not consented and _must_consent(flow, remembers_consent=remembers_consent):
        return "consent"
    return "answer"


def is_sign_in_enough(flow: FlowView, signed_in: SignedInSession, now: datetime) -> bool:
    """Tell whether a live session answers the client's wishes about its age."""
    if signed_in.authenticated_at >= flow.created_at:
        return True
    if {"login", "select_account"} & set(flow.prompt):
        return False
    maximum = flow.request.max_age_seconds
    return maximum is None or now - signed_in.authenticated_at <= timedelta(seconds=maximum)


def _must_consent(flow: FlowView, *, remembers_consent: bool) -> bool:
    """Tell whether the person has to agree: to attributes each time, to details once."""
    if flow.requested_attributes or "consent" in flow.prompt:
        return True
    if flow.request.asked.authorization_details:
        return True
    return bool(flow.remembered_items) and not flow.first_party and not remembers_consent
