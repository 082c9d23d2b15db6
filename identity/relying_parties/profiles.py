"""Client profiles as data: what one family of clients expects of one core."""

from dataclasses import dataclass
from typing import Literal

from identity.oidc.claim_names import CLAIMS
from identity.relying_parties.grants import FURTHER

ATTRIBUTE_PREFIX = "scotaccount."
# In the one order of words that answers and registrations are compared in.
RESPONSE_TYPES = (
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)
_ASSERTION_ALGORITHMS = (
    "ES256",
    "RS256",
    "PS256",
    "ES384",
    "ES512",
    "RS384",
    "RS512",
    "PS384",
    "PS512",
    "ES256K",
    "EdDSA",
)


@dataclass(frozen=True)
class Profile:
    """Fixes issuer, scope names, token shapes, error texts, logout address and life times.

    Attributes:
        path: the issuer's path below the public address; also where its endpoints are.
        key_algorithms: which signing keys its key set publishes.
        id_token_algorithms: what a client may have its ID tokens signed with; first is default.
        access_token: ``rfc9068``, the shape of ScotAccount with ``scp`` and ``cid``, or ``opaque``.
        bare_id_token: the ID token carries no claims beyond the ones ScotAccount has.
        merges_query: ``/token`` takes its parameters from the query string as well (S2).
        strict_scopes: an unknown scope is refused instead of ignored.
        needs_state_and_nonce: both are required at ``/authorize``.
        pkce_exemptions: whether a client may be registered without PKCE.
        always_consents: scopes of attributes are agreed to in every flow.
        refresh: a refresh token comes with every code.
        issuer_slash: the issuer's name ends with a slash; addresses of endpoints never do.
        metadata_seconds: how long discovery and keys may be kept by those who read them.
        vectors_of_trust: levels are asked for and told as vectors (RFC 8485), not as ``acr``.
        missing_on_page: a request that lacks a parameter is answered with HTTP 400, not sent back.
        plain_token_errors: every refusal at ``/token`` is a 400, that of a client too.
        logout_ends_all: signing out ends every session of the person; mistakes in the request are
            told on our own page, and logout tokens name no ``sid``.
        registration: programs may register clients under an initial access token.
        browser_logout: signing out also loads the clients' own pages (Front-Channel Logout), and
            clients may watch the session (Session Management).
        response_types: what a client may be registered to ask for; all but ``code`` are off for a
            client until its own options name them.
        claims: names that ``claims`` may ask for; others are passed over.
        request_object_algorithms: what request objects may be signed with (RFC 9101).
        response_modes: how an answer may travel.
        request_objects: whether signed requests are understood (RFC 9101).
        pushed_requests: whether requests may be sent ahead (RFC 9126).
        needs_openid: a request without the scope ``openid`` is refused.
        unsigned_requests: a client may register ``none`` for its request objects, which then say no
            more than a query string.
        requires_pushed: requests are sent ahead (RFC 9126) by every client.
        exact_audience: a client assertion is addressed to the issuer, written as one string.
        sender_constrained: every token is bound to a key of its client (RFC 9449, RFC 8705).
        dated_requests: request objects need aud, nbf and exp, and live an hour at most.
        requires_dpop_nonce: a DPoP proof carries a nonce of this server.
        rotates_refresh: each use of a refresh token gives the next; FAPI 2.0 advises against it.
        code_seconds: the longest life of a code here.
        signed_ciba: decoupled requests are signed by every client (FAPI-CIBA).
    """

    name: str
    path: str
    key_algorithms: tuple[str, ...]
    id_token_algorithms: tuple[str, ...]
    access_token_algorithm: str
    access_token: Literal["rfc9068", "scotaccount", "opaque"]
    bare_id_token: bool
    merges_query: bool
    strict_scopes: bool
    needs_state_and_nonce: bool
    pkce_exemptions: bool
    refresh: bool
    scopes: tuple[str, ...]
    attribute_scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    auth_methods: tuple[str, ...]
    logout_path: str
    userinfo: bool
    scope_aliases: tuple[tuple[str, str], ...] = ()
    assertion_algorithms: tuple[str, ...] = _ASSERTION_ALGORITHMS
    request_object_algorithms: tuple[str, ...] = _ASSERTION_ALGORITHMS
    response_modes: tuple[str, ...] = ("query", "form_post", "jwt", "query.jwt", "form_post.jwt")
    request_objects: bool = True
    pushed_requests: bool = True
    needs_openid: bool = True
    unsigned_requests: bool = False
    requires_pushed: bool = False
    exact_audience: bool = False
    sender_constrained: bool = False
    dated_requests: bool = False
    requires_dpop_nonce: bool = False
    rotates_refresh: bool = True
    code_seconds: int = 600
    signed_ciba: bool = False
    access_token_seconds: int = 900
    id_token_seconds: int = 900
    refresh_token_seconds: int = 900
    flow_days: int = 7
    issuer_slash: bool = False
    jwks_path: str = "/jwks.json"
    metadata_seconds: int = 300
    vectors_of_trust: bool = False
    missing_on_page: bool = False
    plain_token_errors: bool = False
    logout_ends_all: bool = False
    registration: bool = False
    browser_logout: bool = False
    response_types: tuple[str, ...] = ("code",)
    claims: tuple[str, ...] = ()

    def canonical_scope(self, scope: str) -> str:
        """Return the name a scope has today; old names stay understood."""
        return dict(self.scope_aliases).get(scope, scope)


PLAIN = Profile(
    name="oidc",
    path="/identity/oidc",
    key_algorithms=("ES256", "RS256", "PS256", "EdDSA"),
    id_token_algorithms=("ES256", "RS256", "PS256", "EdDSA"),
    access_token_algorithm="ES256",  # noqa: S106 - an algorithm
    access_token="rfc9068",  # noqa: S106 - the name of a shape, not a secret
    bare_id_token=False,
    merges_query=False,
    strict_scopes=False,
    needs_state_and_nonce=False,
    pkce_exemptions=True,
    refresh=False,
    scopes=("openid", "profile", "email", "address", "phone", "staff", "offline_access"),
    attribute_scopes=("address",),
    grant_types=("authorization_code", "refresh_token", "client_credentials", *FURTHER),
    auth_methods=(
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    ),
    logout_path="/logout",
    userinfo=True,
    response_types=RESPONSE_TYPES,
    response_modes=(
        "query",
        "fragment",
        "form_post",
        "jwt",
        "query.jwt",
        "fragment.jwt",
        "form_post.jwt",
    ),
    claims=CLAIMS,
    unsigned_requests=True,
    registration=True,
    browser_logout=True,
)

# FAPI 2.0 Security Profile and, by options of each client, FAPI 2.0 Message Signing.
STRICT = Profile(
    name="strict",
    path="/identity/strict",
    key_algorithms=("ES256", "PS256", "EdDSA"),
    id_token_algorithms=("ES256", "PS256", "EdDSA"),
    access_token_algorithm="ES256",  # noqa: S106 - an algorithm
    access_token="rfc9068",  # noqa: S106 - the name of a shape, not a secret
    bare_id_token=False,
    merges_query=False,
    strict_scopes=False,
    needs_state_and_nonce=False,
    pkce_exemptions=False,
    refresh=False,
    scopes=("openid", "profile", "email", "address", "phone", "staff", "offline_access"),
    attribute_scopes=("address",),
    grant_types=("authorization_code", "refresh_token", "client_credentials", *FURTHER),
    auth_methods=("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"),
    logout_path="/logout",
    userinfo=True,
    claims=CLAIMS,
    assertion_algorithms=("ES256", "PS256", "EdDSA"),
    request_object_algorithms=("ES256", "PS256", "EdDSA"),
    needs_openid=False,
    requires_pushed=True,
    exact_audience=True,
    sender_constrained=True,
    dated_requests=True,
    requires_dpop_nonce=True,
    rotates_refresh=False,
    refresh_token_seconds=86_400,
    code_seconds=60,
    signed_ciba=True,
)

SCOTACCOUNT = Profile(
    name="scotaccount",
    path="/identity/scotaccount",
    key_algorithms=("RS256",),
    id_token_algorithms=("RS256",),
    access_token_algorithm="RS256",  # noqa: S106 - an algorithm
    access_token="scotaccount",  # noqa: S106 - the name of a shape, not a secret
    bare_id_token=True,
    merges_query=True,
    strict_scopes=True,
    needs_state_and_nonce=True,
    pkce_exemptions=False,
    refresh=True,
    scopes=(
        "openid",
        "scotaccount.email",
        "scotaccount.gpg45.medium",
        "scotaccount.address",
    ),
    attribute_scopes=(
        "scotaccount.email",
        "scotaccount.gpg45.medium",
        "scotaccount.address",
    ),
    grant_types=("authorization_code", "refresh_token"),
    auth_methods=("private_key_jwt",),
    logout_path="/authorize/logout",
    userinfo=False,
    scope_aliases=(("gpg-45-medium", "scotaccount.gpg45.medium"),),
    response_modes=("query", "form_post"),
    request_objects=False,
    pushed_requests=False,
)

ONE_LOGIN = Profile(
    name="onelogin",
    path="/identity/onelogin",
    key_algorithms=("ES256", "RS256"),
    id_token_algorithms=("ES256", "RS256"),
    access_token_algorithm="ES256",  # noqa: S106 - an algorithm
    access_token="opaque",  # noqa: S106 - the name of a shape, not a secret
    bare_id_token=False,
    merges_query=False,
    strict_scopes=True,
    needs_state_and_nonce=True,
    pkce_exemptions=True,
    refresh=False,
    scopes=("openid", "email", "phone", "wallet-subject-id"),
    attribute_scopes=(),
    grant_types=("authorization_code",),
    auth_methods=("private_key_jwt", "client_secret_post"),
    logout_path="/logout",
    userinfo=True,
    assertion_algorithms=("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    access_token_seconds=180,
    id_token_seconds=120,
    issuer_slash=True,
    jwks_path="/.well-known/jwks.json",
    metadata_seconds=86_400,
    vectors_of_trust=True,
    missing_on_page=True,
    plain_token_errors=True,
    logout_ends_all=True,
    response_modes=("query",),
    request_object_algorithms=("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    pushed_requests=False,
)

PROFILES = {profile.name: profile for profile in (PLAIN, SCOTACCOUNT, STRICT, ONE_LOGIN)}

# Scopes whose answer needs a checked identity, not only an account.
VERIFIED_SCOPES = frozenset({"scotaccount.gpg45.medium", "scotaccount.address"})
