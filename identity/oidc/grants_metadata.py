"""What an issuer's metadata says of devices, decoupled sign-in, typed permissions and resources."""

from identity.oidc.ciba_requests import algorithms_of
from identity.oidc.provider import Issuer
from identity.oidc.rfc9396_authorization_details import detail_types
from identity.relying_parties.checks.encryption import CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS
from identity.relying_parties.grants import CIBA, DEVICE


def further_metadata(issuer: Issuer) -> dict[str, object]:
    """Return the members of RFC 8628, CIBA, RFC 9396 and RFC 9701, for what is served."""
    profile, url = issuer.profile, issuer.url
    members: dict[str, object] = {
        "introspection_signing_alg_values_supported": list(profile.key_algorithms),
        "introspection_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
        "introspection_encryption_enc_values_supported": list(CONTENT_ENCRYPTIONS),
    }
    members["introspection_endpoint_auth_methods_supported"] = [
        method for method in issuer.auth_methods if method != "none"
    ]
    if DEVICE in profile.grant_types:
        members["device_authorization_endpoint"] = f"{url}/device_authorization"
    if CIBA in profile.grant_types:
        members |= {
            "backchannel_authentication_endpoint": f"{url}/bc-authorize",
            "backchannel_token_delivery_modes_supported": ["poll", "ping"],
            "backchannel_authentication_request_signing_alg_values_supported": list(
                algorithms_of(profile.assertion_algorithms)
            ),
            "backchannel_user_code_parameter_supported": False,
        }
    if profile.access_token == "rfc9068":  # noqa: S105 - the name of a shape
        members["authorization_details_types_supported"] = list(detail_types())
    return members


def with_aliases(issuer: Issuer, metadata: dict[str, object]) -> dict[str, object]:
    """Return metadata whose further endpoints can be reached with a certificate (RFC 8705, 5)."""
    aliases = metadata.get("mtls_endpoint_aliases")
    if isinstance(aliases, dict):
        for name in ("device_authorization_endpoint", "backchannel_authentication_endpoint"):
            if name in metadata:
                aliases[name] = str(metadata[name]).replace(issuer.url, str(issuer.mtls_url), 1)
    return metadata
