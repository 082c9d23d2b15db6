"""OpenID Connect Core, implicit and hybrid flows: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: sections 3.2 and 3.3 with `c_hash`, `at_hash` and `s_hash`; off unless registered.
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from uuid import UUID

from identity.oidc.authorisations import Authorisation
from identity.oidc.core_id_token import make_id_token
from identity.oidc.flows import FlowView
from identity.oidc.oauth_response_types import brings
from identity.oidc.provider import Call
from identity.oidc.rfc9068_access_tokens import make_user_token
from identity.relying_parties.rules import RelyingParty
from identity.signin.queries import SignedInSession


def make_front_members(
    call: Call, authorisation: Authorisation, client: RelyingParty, flow: FlowView, code: str
) -> dict[str, str]:
    """Return what a response type puts into the answer itself: code, access token, ID token."""
    request = flow.request
    members: dict[str, str] = {}
    access_token = None
    if brings(request.response_type, "code"):
        members["code"] = code
    if brings(request.response_type, "token"):
        access_token = make_user_token(call, authorisation, client)
        members |= {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": str(call.profile.access_token_seconds),
            "scope": " ".join(authorisation.scopes),
        }
    if brings(request.response_type, "id_token"):
        members["id_token"] = make_id_token(
            call,
            authorisation,
            client,
            access_token,
            code=members.get("code"),
            state=request.state,
            is_alone=request.response_type == "id_token",
        )
    return members


def authorisation_now(
    call: Call, flow: FlowView, signed_in: SignedInSession, authorisation_id: UUID, subject: str
) -> Authorisation:
    """Return an authorisation as it was just written, without reading it back."""
    request = flow.request
    shared = set(flow.shared_scopes or ())
    return Authorisation(
        id=authorisation_id,
        client_id=flow.client_id,
        account_id=signed_in.account_id,
        session_id=signed_in.id,
        flow_id=flow.id,
        subject=subject,
        scopes=request.scopes,
        shared_scopes=tuple(one for one in flow.requested_attributes if one in shared),
        nonce=request.nonce,
        authenticated_at=signed_in.authenticated_at,
        methods=signed_in.methods,
        level=signed_in.level,
        created_at=call.now,
        asked=request.asked,
        confirmation=None,
    )
