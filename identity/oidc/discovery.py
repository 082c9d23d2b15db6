"""OpenID Connect Discovery: https://openid.net/specs/openid-connect-discovery-1_0.html
Implemented: sections 3 and 4; RFC 8414 at its own well-known address; RFC 9207's member.
Left out: section 2, WebFinger, which no client of a known issuer needs.
By: ourselves; Authlib's metadata classes check the documents in the tests.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.core_acr import ACR_VALUES
from identity.oidc.grants_metadata import further_metadata, with_aliases
from identity.oidc.onelogin_id_token import trust_metadata
from identity.oidc.provider import Issuer
from identity.oidc.rfc7636_pkce import METHODS
from identity.oidc.secured_metadata import secured_metadata
from identity.relying_parties.checks.encryption import CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS
from identity.relying_parties.profiles import Profile

_COMMON_CLAIMS = ["sub", "iss", "aud", "exp", "iat", "nonce", "sid"]
_PLAIN_CLAIMS = ["auth_time", "acr", "amr"]


def make_discovery(issuer: Issuer) -> dict[str, object]:
    """Return the metadata of an issuer; everything in it is served (S1)."""
    profile, url = issuer.profile, issuer.base
    metadata: dict[str, object] = {
        "issuer": issuer.url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": issuer.token_url,
        "jwks_uri": f"{url}{profile.jwks_path}",
        "end_session_endpoint": f"{url}{profile.logout_path}",
        "revocation_endpoint": f"{url}/revoke",
        "introspection_endpoint": f"{url}/introspect",
        "scopes_supported": list(profile.scopes),
        "response_types_supported": list(profile.response_types),
        "response_modes_supported": list(profile.response_modes),
        "grant_types_supported": _grant_types(profile),
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": list(profile.id_token_algorithms),
        "token_endpoint_auth_methods_supported": list(issuer.auth_methods),
        "token_endpoint_auth_signing_alg_values_supported": list(profile.assertion_algorithms),
        "revocation_endpoint_auth_methods_supported": list(issuer.auth_methods),
        "revocation_endpoint_auth_signing_alg_values_supported": list(profile.assertion_algorithms),
        "introspection_endpoint_auth_methods_supported": [
            method for method in issuer.auth_methods if method != "none"
        ],
        "introspection_endpoint_auth_signing_alg_values_supported": list(
            profile.assertion_algorithms
        ),
        "claims_supported": _claims(profile),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": bool(profile.claims),
        "code_challenge_methods_supported": list(METHODS),
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": ["en", "gd"],
    }
    if profile.registration:
        metadata["registration_endpoint"] = f"{url}/register"
    if profile.browser_logout:
        metadata |= {
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
            "check_session_iframe": f"{url}/check-session",
        }
    if not profile.bare_id_token:
        metadata |= {
            "acr_values_supported": list(ACR_VALUES),
            "display_values_supported": ["page", "popup", "touch", "wap"],
            "id_token_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
            "id_token_encryption_enc_values_supported": list(CONTENT_ENCRYPTIONS),
        }
    if profile.userinfo:
        metadata |= {
            "userinfo_endpoint": f"{url}/userinfo",
            "userinfo_signing_alg_values_supported": list(profile.id_token_algorithms),
            "userinfo_encryption_alg_values_supported": list(ENCRYPTION_ALGORITHMS),
            "userinfo_encryption_enc_values_supported": list(CONTENT_ENCRYPTIONS),
        }
    metadata |= secured_metadata(issuer) | further_metadata(issuer)
    if profile.vectors_of_trust:
        metadata = trust_metadata(issuer, metadata)
    return with_aliases(issuer, metadata)


def _grant_types(profile: Profile) -> list[str]:
    """Return the grants, and the name under which metadata lists answers that bring tokens."""
    in_front = ["implicit"] if len(profile.response_types) > 1 else []
    return [*profile.grant_types, *in_front]


def _claims(profile: Profile) -> list[str]:
    plain = [] if profile.bare_id_token else _PLAIN_CLAIMS
    return list(dict.fromkeys((*_COMMON_CLAIMS, *plain, *profile.claims)))
