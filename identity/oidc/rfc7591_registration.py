"""RFC 7591, dynamic client registration: https://www.rfc-editor.org/rfc/rfc7591
Implemented: sections 2, 3.1 under an initial access token, 3.2.1 and 3.2.2; secrets shown once.
Left out: software statements (2.3) and names in several languages (2.2), which are passed over.
By: ourselves on pydantic; the class of Authlib knows neither our algorithms nor jwks_uri's rules.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from identity.oidc.errors import ProtocolError
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.rules import RelyingParty

_LONGEST = 2000
# What only the platform decides about a client, so it is neither taken nor shown.
_OURS = frozenset(
    {
        "allowed_claims",
        "disabled_by",
        "environment",
        "levels_of_confidence",
        "permit_missing_nonce",
        "resources",
        "serves",
        "service_id",
        "session_state",
    }
)

Text = Annotated[str, Field(max_length=_LONGEST)]
Texts = Annotated[tuple[Text, ...], Field(max_length=50)]
Seconds = Annotated[int, Field(ge=0, le=10**9)]


class ClientMetadata(BaseModel):
    """What a program says about the client it registers; members that are not known are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    redirect_uris: Texts = ()
    response_types: Texts | None = None
    grant_types: Texts | None = None
    application_type: Literal["web", "native"] = "web"
    contacts: Texts = ()
    client_name: Annotated[str, Field(max_length=80)] = ""
    logo_uri: Text | None = None
    client_uri: Text | None = None
    policy_uri: Text | None = None
    tos_uri: Text | None = None
    jwks_uri: Text | None = None
    jwks: dict[str, object] | None = None
    sector_identifier_uri: Text | None = None
    subject_type: Text = "pairwise"
    scope: Text | None = None
    software_id: Text | None = None
    software_version: Text | None = None
    token_endpoint_auth_method: Text = "client_secret_basic"  # noqa: S105 - a method's name
    token_endpoint_auth_signing_alg: Text | None = None
    id_token_signed_response_alg: Text = "RS256"  # noqa: S105 - an algorithm
    id_token_encrypted_response_alg: Text | None = None
    id_token_encrypted_response_enc: Text | None = None
    userinfo_signed_response_alg: Text | None = None
    userinfo_encrypted_response_alg: Text | None = None
    userinfo_encrypted_response_enc: Text | None = None
    request_object_signing_alg: Text | None = None
    request_object_encryption_alg: Text | None = None
    request_object_encryption_enc: Text | None = None
    require_signed_request_object: bool = False
    require_pushed_authorization_requests: bool = False
    request_uris: Texts = ()
    default_max_age: Seconds | None = None
    require_auth_time: bool = False
    default_acr_values: Texts = ()
    initiate_login_uri: Text | None = None
    post_logout_redirect_uris: Texts = ()
    backchannel_logout_uri: Text | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: Text | None = None
    frontchannel_logout_session_required: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    tls_client_auth_subject_dn: Text | None = None
    tls_client_auth_san_dns: Text | None = None
    tls_client_auth_san_uri: Text | None = None
    tls_client_auth_san_ip: Text | None = None
    tls_client_auth_san_email: Text | None = None
    authorization_signed_response_alg: Text | None = None
    authorization_encrypted_response_alg: Text | None = None
    authorization_encrypted_response_enc: Text | None = None
    introspection_signed_response_alg: Text | None = None
    introspection_encrypted_response_alg: Text | None = None
    introspection_encrypted_response_enc: Text | None = None
    authorization_details_types: Texts = ()
    backchannel_token_delivery_mode: Text | None = None
    backchannel_client_notification_endpoint: Text | None = None
    backchannel_authentication_request_signing_alg: Text | None = None
    backchannel_user_code_parameter: bool = False


def read_metadata(document: object) -> ClientMetadata:
    """Return what was sent, with right types; ``null`` counts as not sent (RFC 7592, section 2.2).

    Raises:
        ProtocolError: ``invalid_redirect_uri`` or ``invalid_client_metadata``, naming the member.
    """
    if not isinstance(document, Mapping):
        raise bad_metadata("the body", "must be a JSON object")
    # JSON has lists only; the model keeps them as tuples, which nobody can change.
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in document.items()
        if value is not None
    }
    try:
        return ClientMetadata.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise bad_metadata(str(first["loc"][0]), str(first["msg"]).lower()) from error


def bad_metadata(member: str, fault: str) -> ProtocolError:
    """Return the refusal of a member (RFC 7591, section 3.2.2)."""
    error = "invalid_redirect_uri" if member == "redirect_uris" else "invalid_client_metadata"
    return ProtocolError(error, f"{member}: {fault}"[:300])


def options_of(metadata: ClientMetadata, **decided: object) -> ClientOptions:
    """Return the members that a client keeps as it sent them, with those that were decided."""
    named = {one.name for one in fields(ClientOptions)} - _OURS
    sent = {
        name: getattr(metadata, name)
        for name in named & ClientMetadata.model_fields.keys()
        if name not in decided
    }
    return ClientOptions(**sent | decided)


def describe_client(party: RelyingParty, jwks: list[dict[str, object]]) -> dict[str, object]:
    """Return what is registered, under the names of the registries, without any secret."""
    options = party.options
    described: dict[str, object] = {
        "client_id": party.client_id,
        "client_name": party.name,
        "redirect_uris": list(party.redirect_uris),
        "post_logout_redirect_uris": list(party.post_logout_uris),
        "response_types": list(options.response_types),
        "grant_types": list(party.grant_types),
        "application_type": options.application_type,
        "token_endpoint_auth_method": party.auth_method,
        "id_token_signed_response_alg": party.id_token_alg,
        "subject_type": party.subject_type,
        "scope": " ".join(party.scopes),
    }
    if party.backchannel_logout_uri is not None:
        described["backchannel_logout_uri"] = party.backchannel_logout_uri
    if jwks:
        described["jwks"] = {"keys": jwks}
    return described | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.as_json().items()
        if name not in _OURS
    }
