"""What an issuer's metadata says about secured requests, answers and tokens."""

from identity.oidc.provider import Issuer
from identity.oidc.rfc9449_dpop import algorithms_of
from identity.relying_parties.checks.encryption import CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS

_ALIASED = {
    "token_endpoint": "/token",
    "revocation_endpoint": "/revoke",
    "introspection_endpoint": "/introspect",
    "pushed_authorization_request_endpoint": "/par",
    "userinfo_endpoint": "/userinfo",
}


def secured_metadata(issuer: Issuer) -> dict[str, object]:
    """Return the members of RFC 9101, 9126, 9449, 8705 and JARM, as the profile really does."""
    profile, url = issuer.profile, issuer.url
    members: dict[str, object] = {
        "request_parameter_supported": profile.request_objects,
        "request_uri_parameter_supported": profile.request_objects and not profile.requires_pushed,
    }
    if profile.request_objects:
        unsigned = ["none"] if profile.unsigned_requests else []
        offered = [*profile.request_object_algorithms, *unsigned]
        members["request_object_signing_alg_values_supported"] = offered
    if profile.request_objects and not profile.requires_pushed:
        members["require_request_uri_registration"] = True
    if profile.pushed_requests:
        members["pushed_authorization_request_endpoint"] = f"{url}/par"
        members["require_pushed_authorization_requests"] = profile.requires_pushed
        members["dpop_signing_alg_values_supported"] = list(algorithms_of(profile))
    if any(mode.endswith("jwt") for mode in profile.response_modes):
        members["authorization_signing_alg_values_supported"] = list(profile.id_token_algorithms)
        members["authorization_encryption_alg_values_supported"] = list(ENCRYPTION_ALGORITHMS)
        members["authorization_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTIONS)
    if issuer.takes_certificates:
        members["tls_client_certificate_bound_access_tokens"] = True
    if issuer.mtls_url is not None:
        members["mtls_endpoint_aliases"] = {
            name: f"{issuer.mtls_url}{path}"
            for name, path in _ALIASED.items()
            if (profile.userinfo or path != "/userinfo")
            and (profile.pushed_requests or path != "/par")
        }
    return members
