"""The authorization request: one visible table of checks.

Each row is a check, each column an endpoint that runs it: ``authorize`` for what a browser brings,
``pushed`` for requests sent ahead (RFC 9126), ``resume`` for a flow that comes back after the
person's steps, whose client may have changed meanwhile. The order matters: before client and
redirect URI are known to belong together, no refusal leads back to the client.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from identity.oidc.checks.acr_values import check_acr_values
from identity.oidc.checks.authorization_details import check_authorization_details
from identity.oidc.checks.claims import check_claims
from identity.oidc.checks.client import check_client
from identity.oidc.checks.dis_prompt import check_dis_prompt
from identity.oidc.checks.grant import check_grant
from identity.oidc.checks.hints import check_hints
from identity.oidc.checks.id_token_hint import check_id_token_hint
from identity.oidc.checks.max_age import check_max_age
from identity.oidc.checks.pkce import check_pkce
from identity.oidc.checks.present import check_present
from identity.oidc.checks.prompt import check_prompt
from identity.oidc.checks.redirect_uri import check_redirect_uri
from identity.oidc.checks.request_object import take_jkt, take_object, take_request
from identity.oidc.checks.resource import check_resource
from identity.oidc.checks.response_mode import check_response_mode
from identity.oidc.checks.response_type import check_response_type
from identity.oidc.checks.scope import check_scope
from identity.oidc.checks.single_values import check_single_values
from identity.oidc.checks.state_and_nonce import check_state_and_nonce
from identity.oidc.checks.trust import check_trust
from identity.oidc.draft import Draft
from identity.oidc.flows import FlowView
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call

Endpoint = Literal["authorize", "pushed", "resume"]


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    check: Callable[[Draft], None]
    authorize: bool
    pushed: bool
    resume: bool


CHECKS = (
    #   check                 authorize  pushed  resume
    Row(check_client, True, True, True),
    Row(take_request, True, False, False),
    Row(take_object, False, True, False),
    Row(check_present, True, True, False),
    Row(check_redirect_uri, True, True, True),
    Row(check_response_mode, True, True, True),
    Row(check_single_values, True, True, False),
    Row(check_grant, True, True, True),
    Row(check_response_type, True, True, True),
    Row(check_scope, True, True, True),
    Row(check_state_and_nonce, True, True, True),
    Row(check_pkce, True, True, False),
    Row(check_prompt, True, True, False),
    Row(check_dis_prompt, True, True, False),
    Row(check_max_age, True, True, False),
    Row(check_claims, True, True, False),
    Row(check_acr_values, True, True, False),
    Row(check_hints, True, True, False),
    Row(check_id_token_hint, True, True, False),
    Row(check_trust, True, True, False),
    Row(take_jkt, True, True, False),
    Row(check_resource, True, True, False),
    Row(check_authorization_details, True, True, False),
)


def check_request(draft: Draft, endpoint: Endpoint) -> None:
    """Run the checks of an endpoint on a draft.

    Raises:
        PageError: to be shown, because the address to go back to is not known to be right.
        ProtocolError: to be sent back to the client; the draft carries where and how.
    """
    for row in CHECKS:
        if getattr(row, endpoint):
            row.check(draft)


def draft_of(call: Call, flow: FlowView) -> Draft:
    """Return a stored flow as a draft for the checks of ``resume``."""
    request = flow.request
    pairs = {
        "client_id": flow.client_id,
        "redirect_uri": request.redirect_uri,
        "response_type": request.response_type,
        "response_mode": request.response_mode,
        "scope": " ".join(request.scopes),
        "state": request.state or "",
        "nonce": request.nonce or "",
    }
    return Draft(call, Parameters.of(pairs.items()))
