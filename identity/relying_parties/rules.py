"""What a relying party is, and what may be registered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from identity.relying_parties.checks.addresses import AddressRules, redirect_fault
from identity.relying_parties.checks.core_options import check_core_options
from identity.relying_parties.checks.secured_options import check_secured_options
from identity.relying_parties.grants import CIBA, DEVICE, FURTHER, TOKEN_EXCHANGE
from identity.relying_parties.options import NO_OPTIONS, ClientOptions
from identity.relying_parties.profiles import PROFILES
from shared.errors import FieldError

AUTH_METHODS = (
    "private_key_jwt",
    "client_secret_basic",
    "client_secret_post",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
)
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", *FURTHER)
_CURVES = ("P-256", "P-384", "P-521", "secp256k1", "Ed25519", "X25519")
_MINIMUM_RSA_BITS = 2048
_MINIMUM_SECRET_LENGTH = 32
_LONGEST_RESOURCE = 500
_SCOTACCOUNT_ID = re.compile(r"[a-z0-9]{13}")
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,62}")
_ONE_LOGIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,62}")
_ID_SHAPES = {
    "scotaccount": (
        _SCOTACCOUNT_ID,
        "must be 13 lower-case letters and digits in this profile",
    ),
    "onelogin": (_ONE_LOGIN_ID, "must be letters, digits, _ and - in this profile"),
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class RelyingParty:
    """A client as the protocol sees it; keys are imported once.

    Attributes:
        sector: clients of one sector see the same subject for a person (Core, section 8.1).
        pkce: ``required``, or ``exempt`` for a recorded exception of a confidential client.
    """

    client_id: str
    name: str
    organisation: str
    profile: str
    auth_method: str
    first_party: bool = False
    secret_hash: bytes | None = field(default=None, repr=False)
    keys: tuple[Key, ...] = field(default=(), repr=False)
    redirect_uris: tuple[str, ...] = ()
    post_logout_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    scopes: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    subject_type: str = "pairwise"
    sector: str = ""
    pkce: str = "required"
    landing_page: str = ""
    id_token_alg: str = "ES256"  # noqa: S105 - an algorithm
    options: ClientOptions = NO_OPTIONS


def normalise_url(url: str) -> str:
    """Return a URL without its scheme's default port, which some clients write and some do not."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    if port is not None and _DEFAULT_PORTS.get(parts.scheme) == port:
        return parts._replace(netloc=parts.netloc.rpartition(":")[0]).geturl()
    return url


def default_sector(redirect_uris: tuple[str, ...]) -> str:
    """Return host and port of the redirect URIs, empty where there are none or several."""
    places = {urlsplit(uri).netloc for uri in redirect_uris}
    return places.pop() if len(places) == 1 else ""


def import_public_key(jwk: Mapping[str, str | list[str]]) -> Key:
    """Return a client's key; refuses private parts, other kinds and RSA under 2,048 bits.

    Raises:
        ValueError: says what is wrong with the key.
    """
    if jwk.get("kty") == "oct":
        raise ValueError("must be an RSA or elliptic-curve key")
    try:
        key = JWKRegistry.import_key(dict(jwk))
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ValueError("is not a JSON Web Key") from error
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise ValueError("must be an RSA or elliptic-curve key")  # noqa: TRY004 - a value too
    if key.is_private:
        raise ValueError("must be a public key, not a private one")
    if isinstance(key, RSAKey) and key.public_key.key_size < _MINIMUM_RSA_BITS:
        raise ValueError(f"must have {_MINIMUM_RSA_BITS} bits or more")
    if isinstance(key, ECKey | OKPKey) and key.curve_name not in _CURVES:
        raise ValueError(f"must be on one of {', '.join(_CURVES)}")
    return key


def check_secret(secret: str) -> list[FieldError]:
    """Return what is wrong with a client secret: it must be too long to guess."""
    if len(secret) < _MINIMUM_SECRET_LENGTH:
        return [FieldError("secret", f"must have {_MINIMUM_SECRET_LENGTH} characters or more")]
    return []


def check_relying_party(
    party: RelyingParty,
    *,
    auth_methods: tuple[str, ...],
    grant_types: tuple[str, ...],
    id_token_algorithms: tuple[str, ...],
    pkce_exemptions: bool,
    production: bool,
) -> list[FieldError]:
    """Return what is wrong with a registration, measured by its profile's limits."""
    shape, words = _ID_SHAPES.get(party.profile, (_CLIENT_ID, "must be a-z, 0-9 and -"))
    faults = [
        FieldError(name, message)
        for wrong, name, message in (
            (not shape.fullmatch(party.client_id), "client_id", words),
            (party.auth_method not in auth_methods, "auth_method", "is not one of the profile's"),
            (
                party.auth_method == "private_key_jwt"
                and not party.keys
                and not party.options.jwks_uri,
                "keys",
                "must name at least one key",
            ),
            (
                not set(party.grant_types) <= set(grant_types) or not party.grant_types,
                "grant_types",
                "are not the profile's",
            ),
            (
                "authorization_code" in party.grant_types and not party.redirect_uris,
                "redirect_uris",
                "must name at least one address",
            ),
            (
                bool(party.redirect_uris) and not party.sector,
                "sector",
                "must be named when redirect URIs have several hosts",
            ),
            (party.id_token_alg not in id_token_algorithms, "id_token_alg", "is not offered"),
            (
                party.pkce == "exempt" and (not pkce_exemptions or party.auth_method == "none"),
                "pkce",
                "is required in this profile and of public clients",
            ),
        )
        if wrong
    ]
    if (profile := PROFILES.get(party.profile)) is not None:
        faults += check_core_options(party.options, party.keys, profile, production=production)
        faults += check_secured_options(
            party.options,
            party.keys,
            profile,
            auth_method=party.auth_method,
            production=production,
        )
    faults += [
        FieldError(name, message) for name, message in grant_faults(party, production=production)
    ]
    return faults + _address_faults(party, production=production)


def _address_faults(party: RelyingParty, *, production: bool) -> list[FieldError]:
    """Return what is wrong with the addresses that people or sign-outs are sent to."""
    native = party.options.application_type == "native"
    addresses = (*party.redirect_uris, *party.post_logout_uris)
    if party.backchannel_logout_uri:
        addresses += (party.backchannel_logout_uri,)
    return [
        FieldError("redirect_uris", f"{uri}: {fault}")
        for uri in addresses
        if (fault := _address_fault(uri, production=production, native=native))
    ]


def grant_faults(party: RelyingParty, *, production: bool) -> list[tuple[str, str]]:
    """Return what is wrong with what a client may do without a browser, by member."""
    options, grants = party.options, set(party.grant_types)
    is_public = party.auth_method == "none"
    mode = options.backchannel_token_delivery_mode
    endpoint = options.backchannel_client_notification_endpoint
    algorithm = options.backchannel_authentication_request_signing_alg
    checks = (
        (
            is_public and bool(grants & {"client_credentials", CIBA, TOKEN_EXCHANGE}),
            "grant_types",
            "need a client that can prove who it is",
        ),
        (
            # Without it all such clients would know a person by the same subject.
            bool(grants & {DEVICE, CIBA}) and not party.sector and party.subject_type != "public",
            "sector",
            "must be named where no redirect URI gives it",
        ),
        (is_public and party.pkce == "exempt", "pkce", "is required of public clients"),
        (mode not in (None, "poll", "ping"), "backchannel_token_delivery_mode", "is not offered"),
        (
            mode == "ping"
            and (endpoint is None or bool(_address_fault(endpoint, production=production))),
            "backchannel_client_notification_endpoint",
            "must be an address to be told at",
        ),
        (
            algorithm is not None and algorithm.startswith(("RS", "HS", "none")),
            "backchannel_authentication_request_signing_alg",
            "is not offered",
        ),
        (
            options.backchannel_user_code_parameter,
            "backchannel_user_code_parameter",
            "is not offered",
        ),
        (
            not all(is_resource(one) for one in (*options.resources, *options.serves)),
            "resources",
            "must be absolute URIs without a fragment",
        ),
    )
    return [(name, message) for wrong, name, message in checks if wrong]


def is_resource(value: str) -> bool:
    """Tell whether a value is an absolute URI without a fragment (RFC 8707, section 2)."""
    if len(value) > _LONGEST_RESOURCE or "#" in value or not value.isascii():
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    is_plain = value.isprintable() and " " not in value
    return bool(parts.scheme and (parts.netloc or parts.path)) and is_plain


def _address_fault(uri: str, *, production: bool, native: bool = False) -> str:
    if native:
        return redirect_fault(uri, AddressRules(), native=True, implicit=False)
    parts = urlsplit(uri)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "must be an absolute http or https address"
    if "#" in uri:
        return "must not have a fragment"
    if parts.username is not None:
        return "must not carry a user name"
    if production and parts.scheme != "https":
        return "must be https"
    return ""
