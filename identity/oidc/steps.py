"""What comes next in a flow; pure."""

from datetime import datetime, timedelta
from typing import Literal

from identity.oidc.core_acr import essential_acr, known_values
from identity.oidc.errors import ProtocolError
from identity.oidc.flows import FlowView
from identity.oidc.wanted_level import needs_step_up
from identity.signin.queries import SignedInSession

Step = Literal[
    "sign_in", "other_sign_in", "create_account", "step_up", "verify", "consent", "answer"
]

PAGES: dict[Step, str] = {
    "sign_in": "/identity/sign-in",
    "other_sign_in": "/identity/sign-in",
    "create_account": "/identity/create-account",
    "step_up": "/identity/step-up",
    "verify": "/identity/verify",
    "consent": "/identity/consent",
}
_SANDBOX_PAGES: dict[Step, str] = {
    "sign_in": "/identity/sandbox/sign-in",
    "other_sign_in": "/identity/sandbox/sign-in",
    "create_account": "/identity/sandbox/sign-in",
    "step_up": "/identity/sandbox/sign-in",
    "verify": "/identity/sandbox/check",
    "consent": "/identity/sandbox/consent",
}
_SILENT_ERRORS: dict[Step, str] = {
    "sign_in": "login_required",
    "other_sign_in": "login_required",
    "create_account": "login_required",
    "step_up": "unmet_authentication_requirements",
    "verify": "interaction_required",
    "consent": "consent_required",
}


def page_of(step: Step, flow: FlowView) -> str:
    """Return the page of a step; whoever is signed in and is not expected may be somebody else.

    Fictitious people have pages of their own.
    """
    other = "&other=yes" if step == "other_sign_in" else ""
    page = (_SANDBOX_PAGES if flow.is_sandbox else PAGES)[step]
    return f"{page}?flow={flow.id}{other}"


def next_step(
    flow: FlowView,
    signed_in: SignedInSession | None,
    now: datetime,
    *,
    has_safe_result: bool,
    remembers_consent: bool = False,
    is_expected: bool = True,
) -> Step:
    """Return the next thing that the person does, or ``answer`` when the client gets its code.

    What another account did in this flow does not count. ``is_expected`` is False when the client
    named a person and somebody else is signed in.

    Raises:
        ProtocolError: the person refused, or ``prompt=none`` forbids to ask (Core, 3.1.2.6).
    """
    if flow.error is not None:
        raise ProtocolError(flow.error, flow.error_description or "")
    if signed_in is not None:
        _check_outcome(flow, signed_in, is_expected=is_expected)
    step = _step(
        flow,
        signed_in,
        now,
        has_safe_result=has_safe_result,
        remembers_consent=remembers_consent,
        is_expected=is_expected,
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
    is_expected: bool,
) -> Step:
    if signed_in is None:
        return "create_account" if flow.create_account else "sign_in"
    if not is_expected or not is_sign_in_enough(flow, signed_in, now):
        return "sign_in" if is_expected else "other_sign_in"
    if needs_step_up(flow, signed_in):
        return "step_up"
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
    if is_fresh(flow, signed_in):
        return True
    if {"login", "select_account"} & set(flow.prompt):
        return False
    maximum = flow.request.max_age_seconds
    return maximum is None or now - signed_in.authenticated_at < timedelta(seconds=maximum)


def is_fresh(flow: FlowView, signed_in: SignedInSession) -> bool:
    """Tell whether the person signed in for this flow."""
    return signed_in.authenticated_at >= flow.created_at


def _check_outcome(flow: FlowView, signed_in: SignedInSession, *, is_expected: bool) -> None:
    """Refuse what signing in once more could not mend.

    Raises:
        ProtocolError: another person signed in than the client named, or the client demands levels
            that nobody can reach because they do not exist here (Core, section 5.5.1.1).
    """
    demanded = essential_acr(flow.request.asked)
    if not is_expected and is_fresh(flow, signed_in):
        raise ProtocolError("login_required", "Another person signed in than was expected")
    if demanded is not None and not known_values(demanded):
        raise ProtocolError("unmet_authentication_requirements", "There is no such level here")


def _must_consent(flow: FlowView, *, remembers_consent: bool) -> bool:
    """Tell whether the person has to agree: to attributes each time, to details once."""
    if flow.requested_attributes or "consent" in flow.prompt:
        return True
    if flow.request.asked.authorization_details:
        return True
    return bool(flow.remembered_items) and not flow.first_party and not remembers_consent
