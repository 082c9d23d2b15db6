"""What a client may register, measured by the issuer's own metadata: one list for both.

Whatever a specification adds to discovery may be registered at once, and nothing else.
"""

from identity.oidc.discovery import make_discovery
from identity.oidc.provider import Issuer
from identity.oidc.rfc7591_registration import ClientMetadata, bad_metadata

# A registered member, and the member of discovery that lists what is offered for it.
_OFFERED_AS = {
    "response_types": "response_types_supported",
    "grant_types": "grant_types_supported",
    "subject_type": "subject_types_supported",
    "token_endpoint_auth_method": "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg": "token_endpoint_auth_signing_alg_values_supported",
    "id_token_signed_response_alg": "id_token_signing_alg_values_supported",
    "id_token_encrypted_response_alg": "id_token_encryption_alg_values_supported",
    "id_token_encrypted_response_enc": "id_token_encryption_enc_values_supported",
    "userinfo_signed_response_alg": "userinfo_signing_alg_values_supported",
    "userinfo_encrypted_response_alg": "userinfo_encryption_alg_values_supported",
    "userinfo_encrypted_response_enc": "userinfo_encryption_enc_values_supported",
    "request_object_signing_alg": "request_object_signing_alg_values_supported",
    "request_object_encryption_alg": "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc": "request_object_encryption_enc_values_supported",
    "authorization_signed_response_alg": "authorization_signing_alg_values_supported",
    "authorization_encrypted_response_alg": "authorization_encryption_alg_values_supported",
    "authorization_encrypted_response_enc": "authorization_encryption_enc_values_supported",
    "introspection_signed_response_alg": "introspection_signing_alg_values_supported",
    "introspection_encrypted_response_alg": "introspection_encryption_alg_values_supported",
    "introspection_encrypted_response_enc": "introspection_encryption_enc_values_supported",
    "authorization_details_types": "authorization_details_types_supported",
    "backchannel_token_delivery_mode": "backchannel_token_delivery_modes_supported",
    "backchannel_authentication_request_signing_alg": (
        "backchannel_authentication_request_signing_alg_values_supported"
    ),
}
# A wish that may only be registered where something is offered to fulfil it.
_NEEDS = {
    "dpop_bound_access_tokens": "dpop_signing_alg_values_supported",
    "tls_client_certificate_bound_access_tokens": "tls_client_certificate_bound_access_tokens",
    "require_pushed_authorization_requests": "pushed_authorization_request_endpoint",
    "require_signed_request_object": "request_object_signing_alg_values_supported",
    "request_uris": "request_uri_parameter_supported",
    "frontchannel_logout_uri": "frontchannel_logout_supported",
    "backchannel_logout_uri": "backchannel_logout_supported",
    "backchannel_user_code_parameter": "backchannel_user_code_parameter_supported",
}


def offers_of(issuer: Issuer, member: str) -> list[str]:
    """Return what the issuer offers for a member of a registration."""
    listed = make_discovery(issuer).get(_OFFERED_AS[member])
    return [str(one) for one in listed] if isinstance(listed, list) else []


def check_offers(metadata: ClientMetadata, issuer: Issuer) -> None:
    """Refuse every value that the issuer does not offer.

    Raises:
        ProtocolError: ``invalid_client_metadata``, naming the member.
    """
    offered = make_discovery(issuer)
    for member, listed in _OFFERED_AS.items():
        value = getattr(metadata, member)
        wanted = value if isinstance(value, tuple) else () if value is None else (value,)
        known = offered.get(listed)
        for one in wanted:
            if not isinstance(known, list) or one not in known:
                raise bad_metadata(member, f"{one[:60]} is not offered here")
    for member, needed in _NEEDS.items():
        if getattr(metadata, member) and not offered.get(needed):
            raise bad_metadata(member, "is not offered here")
    # An encrypted answer takes its content encryption from its key encryption, never alone.
    for member in (one for one in _OFFERED_AS if one.endswith("_enc")):
        if getattr(metadata, member) and not getattr(metadata, f"{member[:-3]}alg"):
            raise bad_metadata(member, f"needs {member[:-3]}alg")
