"""What a request shows of the keys that its sender holds, before any of it is checked."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sender:
    """The sender of one request.

    Attributes:
        method: the method of HTTP.
        path: the path below the issuer's address, such as ``/token``.
        scheme: that of the Authorization header, in lower case.
        proofs: every DPoP header, as sent (RFC 9449).
        certificate: the client's certificate as DER, from the proxy that saw its key (RFC 8705).
    """

    method: str = ""
    path: str = ""
    scheme: str = ""
    proofs: tuple[str, ...] = ()
    certificate: bytes | None = field(default=None, repr=False)


NO_SENDER = Sender()
