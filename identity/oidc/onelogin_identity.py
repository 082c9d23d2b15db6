"""Whether the identity level that a One Login client asked for is reached, and what then."""

from collections.abc import Mapping
from dataclasses import replace

from identity.oidc.consent import claim_of, short_name, wants_claim
from identity.oidc.errors import ProtocolError
from identity.oidc.flows import FlowView
from identity.oidc.provider import Call
from identity.oidc.rfc8485_vectors_of_trust import reached_identity
from identity.safe.queries import list_attributes
from identity.safe.rules import FAILED, GPG45_SCOPE, outcome_of
from identity.signin.queries import SignedInSession

CORE = "coreIdentityJWT"
RETURN_CODE = "returnCode"


def settle_identity(call: Call, flow: FlowView, signed_in: SignedInSession | None) -> FlowView:
    """Return the flow as it goes on, with what cannot be told taken out of it.

    Without the level a client gets ``access_denied``, or, when it asked for a return code, an
    answer with that code instead of an identity.

    Raises:
        ProtocolError: ``access_denied``, for ``answer_refusal``.
    """
    if signed_in is None or not flow.wants_identity or _may_still_be_reached(call, flow, signed_in):
        return flow
    if not wants_claim(flow.request.asked.claims, RETURN_CODE):
        raise ProtocolError("access_denied", "The identity level was not reached")
    return without_identity(flow)


def has_proved_identity(call: Call, flow: FlowView, signed_in: SignedInSession) -> bool:
    """Tell whether the safe holds a proved identity of this person for this flow."""
    known = list_attributes(
        call.session, signed_in.account_id, call.provider.sealer, flow_id=flow.id
    )
    return any(item["scope"] == GPG45_SCOPE and outcome_of(item) != FAILED for item in known)


def without_identity(flow: FlowView) -> FlowView:
    """Return a flow that asks for no identity any more, only for the reason why there is none."""
    members = flow.request.asked.claims.get("userinfo")
    kept = {
        name: value
        for name, value in (members.items() if isinstance(members, Mapping) else ())
        if short_name(name) == RETURN_CODE
    }
    asked = replace(flow.request.asked, claims={"userinfo": kept}, identity_given_up=True)
    return replace(flow, request=replace(flow.request, asked=asked))


def _may_still_be_reached(call: Call, flow: FlowView, signed_in: SignedInSession) -> bool:
    if reached_identity(flow.request.asked.vtr) is None:
        return False
    same_person = flow.account_id == signed_in.account_id
    if same_person and flow.consented_at is not None and _keeps_name(flow):
        return False
    is_over = same_person and flow.verified_at is not None
    return not is_over or has_proved_identity(call, flow, signed_in)


def _keeps_name(flow: FlowView) -> bool:
    """Tell whether the person, asked for it, declined to show who they are."""
    core = [item for item in flow.identity_items if short_name(claim_of(item)) == CORE]
    return bool(core) and not set(core) & set(flow.shared_scopes or ())
