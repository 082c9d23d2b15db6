"""The policy of the edge: the only thing that decides what Envoy's files say."""

from dataclasses import dataclass

SERVICES = ("identity", "payments", "notifications", "gateway")


@dataclass(frozen=True)
class Upstream:
    """A service's web process."""

    name: str
    host: str
    port: int


@dataclass(frozen=True)
class Route:
    """One path prefix: which service, whether a token is needed, how large, how long."""

    prefix: str
    upstream: str
    needs_token: bool = False
    maximum_body_bytes: int = 1_000_000
    timeout_seconds: float = 15.0
    # What the service gets instead of the prefix, where that is something else.
    rewrite: str = ""


@dataclass(frozen=True)
class Issuer:
    """Whose access tokens are accepted, for which audience, with which keys.

    ``jwks`` is the last good key set; without one the token routes answer 503, never 401.
    """

    issuer: str
    audience: str
    jwks: str | None = None


@dataclass(frozen=True)
class Edge:
    """Everything one Envoy needs; the limit is for each client address on this node."""

    listen_host: str
    listen_port: int
    admin_port: int
    upstreams: tuple[Upstream, ...]
    routes: tuple[Route, ...]
    issuer: Issuer
    requests_per_second: int = 200
    otlp_host: str | None = None
    otlp_port: int = 4318
    # A listener of a sandbox that asks for no token; 0 is none.
    govstack_port: int = 0


UPLOAD_BYTES = 50_000_000
# A million payments are some hundred megabytes; the service itself has a limit below this one.
PAYMENT_FILE_BYTES = 600_000_000
_PAYMENT_FILE_SECONDS = 300.0

ROUTES = (
    # Open parts of programs' addresses come before the closed rest.
    Route("/gateway/v1/catalogue", "gateway"),
    Route(
        "/payments/v1/uploads",
        "payments",
        needs_token=True,
        maximum_body_bytes=PAYMENT_FILE_BYTES,
        timeout_seconds=_PAYMENT_FILE_SECONDS,
    ),
    Route("/payments/v1/", "payments", needs_token=True, maximum_body_bytes=UPLOAD_BYTES),
    Route("/notifications/v1/", "notifications", needs_token=True, maximum_body_bytes=UPLOAD_BYTES),
    Route("/gateway/v1/", "gateway", needs_token=True),
    Route("/identity/v1/", "identity", needs_token=True),
    Route("/.well-known/oauth-authorization-server/identity", "identity"),
    Route("/identity", "identity"),
    Route(
        "/payments/uploads",
        "payments",
        maximum_body_bytes=PAYMENT_FILE_BYTES,
        timeout_seconds=_PAYMENT_FILE_SECONDS,
    ),
    Route("/payments", "payments", maximum_body_bytes=UPLOAD_BYTES),
    Route("/notifications", "notifications"),
    Route("/", "gateway"),
)

# GovStack's building blocks are called at the root, and its suites send no token.
_GOVSTACK_PAYMENTS = (
    "/register-beneficiary",
    "/update-beneficiary-details",
    "/prepayment-validation",
    "/bulk-payment",
    "/credit-instructions",
    "/vouchers",
    "/voucherRedemption",
    "/identityAccountMapper",
    "/beneficiary",
    "/beneficiaries",
    "/batchtransactions",
    "/batches",
    "/api/v1/batch",
    "/bills",
    "/billTransferRequests",
    "/rtpRequest",
    "/rtpResponse",
    "/rtpUpdate",
    "/transferRequests",
)
GOVSTACK_ROUTES = tuple(
    Route(path, "payments", maximum_body_bytes=UPLOAD_BYTES, rewrite=f"/payments/govstack{path}")
    for path in sorted(_GOVSTACK_PAYMENTS, key=len, reverse=True)
)
