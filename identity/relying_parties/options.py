"""What a client may register beside the members that every client has; stored as one JSON object.

Names are those of the registries (RFC 7591, OpenID Connect Registration, RFC 8705, RFC 9126,
RFC 9449, CIBA), so that a registration can be kept and shown as it was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast


@dataclass(frozen=True)
class ClientOptions:
    """Optional members of a registration; at its default each means what its specification says.

    Attributes:
        resources: audiences for which the client may ask tokens (RFC 8707).
        serves: audiences that the client itself is: it may ask about their tokens, and act on them.
        allowed_claims: names that the client may ask for in ``claims``; None means all.
        levels_of_confidence: identity levels that the client may ask for, such as ``P2``.
        environment: ``live``, or ``sandbox`` for a client that signs fictitious people in.
        session_state: answers tell the state of the session (Session Management 1.0).
        service_id: the service of a public body, as its console registered it.
        is_active: a client that is not may neither sign people in nor have tokens.
        max_age_enabled: ``max_age`` counts, where a profile needs an agreement for it.
        claims_token_version: which ``claimsToken`` a ScotAccount client gets, 2 or the older 1.
        disabled_by: ``staff`` or ``operator`` when the client is switched off, empty otherwise.
    """

    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_signing_alg: str | None = None
    # Signed requests (RFC 9101, RFC 9126)
    request_object_signing_alg: str | None = None
    require_signed_request_object: bool = False
    require_pushed_authorization_requests: bool = False
    request_uris: tuple[str, ...] = ()
    # Sender-constrained tokens (RFC 9449, RFC 8705)
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    # Signed and encrypted answers
    authorization_signed_response_alg: str | None = None
    authorization_encrypted_response_alg: str | None = None
    authorization_encrypted_response_enc: str | None = None
    id_token_encrypted_response_alg: str | None = None
    id_token_encrypted_response_enc: str | None = None
    userinfo_signed_response_alg: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    introspection_signed_response_alg: str | None = None
    introspection_encrypted_response_alg: str | None = None
    introspection_encrypted_response_enc: str | None = None
    # Sign-in
    default_max_age: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    initiate_login_uri: str | None = None
    # Keys, sectors, what people are shown
    jwks_uri: str | None = None
    sector_identifier_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    application_type: str = "web"
    # Logout
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    session_state: bool = False
    # Rights
    resources: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    allowed_claims: tuple[str, ...] | None = None
    levels_of_confidence: tuple[str, ...] = ()
    permit_missing_nonce: bool = False
    # CIBA
    backchannel_token_delivery_mode: str | None = None
    backchannel_client_notification_endpoint: str | None = None
    backchannel_authentication_request_signing_alg: str | None = None
    backchannel_user_code_parameter: bool = False
    # Where the client belongs
    environment: str = "live"
    service_id: str | None = None
    is_active: bool = True
    max_age_enabled: bool = False
    claims_token_version: int = 2
    disabled_by: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the members that differ from their defaults."""
        return {
            one.name: value
            for one in fields(self)
            if (value := getattr(self, one.name)) != one.default
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "ClientOptions":
        """Return what ``as_json`` gave, through JSON or not; refuses unknown members."""
        members = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
        }
        return cls(**cast("dict[str, Any]", members))


NO_OPTIONS = ClientOptions()
