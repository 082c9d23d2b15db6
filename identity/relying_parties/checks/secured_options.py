"""What a client may register about secured requests, answers and tokens; pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from joserfc.jwk import Key

from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import Profile
from shared.errors import FieldError

_MOST_REQUEST_URIS = 20


def check_secured_options(
    options: ClientOptions,
    keys: Sequence[Key],
    profile: Profile,
    *,
    auth_method: str,
    production: bool,
) -> list[FieldError]:
    """Return what is wrong, measured by what the client's profile offers."""
    unsigned = profile.unsigned_requests and not options.require_signed_request_object
    offered = {
        "token_endpoint_auth_signing_alg": profile.assertion_algorithms,
        "request_object_signing_alg": (
            *profile.request_object_algorithms,
            *(("none",) if unsigned else ()),
        ),
        "authorization_signed_response_alg": profile.id_token_algorithms,
    }
    faults = [
        FieldError(name, "is not offered")
        for name, algorithms in offered.items()
        if (value := getattr(options, name)) is not None and value not in algorithms
    ]
    pushes = options.require_pushed_authorization_requests or options.dpop_bound_access_tokens
    if pushes and not profile.pushed_requests:
        faults.append(FieldError("options", "pushed requests and DPoP are not offered"))
    if (options.request_uris or options.require_signed_request_object) and not (
        profile.request_objects
    ):
        faults.append(FieldError("options", "request objects are not offered"))
    if len(options.request_uris) > _MOST_REQUEST_URIS or not all(
        _is_address(uri, production=production) for uri in options.request_uris
    ):
        faults.append(FieldError("request_uris", f"must be {_MOST_REQUEST_URIS} https addresses"))
    return faults + _certificate_faults(options, keys, auth_method)


def _certificate_faults(
    options: ClientOptions, keys: Sequence[Key], auth_method: str
) -> list[FieldError]:
    """Return what is wrong with how a client is known by its certificate (RFC 8705, section 2)."""
    names = (
        options.tls_client_auth_subject_dn,
        options.tls_client_auth_san_dns,
        options.tls_client_auth_san_uri,
        options.tls_client_auth_san_ip,
        options.tls_client_auth_san_email,
    )
    if auth_method == "tls_client_auth" and sum(name is not None for name in names) != 1:
        message = "must name the certificate in exactly one tls_client_auth member"
        return [FieldError("options", message)]
    brings_one = any("x5c" in key.as_dict(private=False) for key in keys)
    if auth_method == "self_signed_tls_client_auth" and not (brings_one or options.jwks_uri):
        return [FieldError("keys", "must bring a certificate (x5c)")]
    return []


def _is_address(uri: str, *, production: bool) -> bool:
    parts = urlsplit(uri)
    allowed = ("https",) if production else ("https", "http")
    return parts.scheme in allowed and bool(parts.hostname) and parts.username is None
