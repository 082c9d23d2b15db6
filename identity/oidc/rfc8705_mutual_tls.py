"""RFC 8705, mutual TLS: https://www.rfc-editor.org/rfc/rfc8705
Implemented: sections 2.1 (all five members), 2.2, 3, 3.1, 3.2 and 5; certificates from the proxy.
Left out: section 4, public clients with certificates; chains, which the TLS terminator checks.
By: ourselves on cryptography.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from identity.oidc.errors import ProtocolError, invalid_client
from identity.relying_parties.rules import RelyingParty

CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
MEMBER = "x5t#S256"
# The type of an attribute in a name, which people write in any case and after blanks.
_ATTRIBUTE = re.compile(r"(^|(?<!\\)[,+])\s*([A-Za-z0-9.]+)\s*=\s*")
# One `Name=value` of Envoy's header; a quoted value may hold anything, so nothing is searched for.
_ELEMENT = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)\s*(;|$)')


def read_certificate(header: str) -> bytes:
    """Return the certificate of a header as DER.

    Envoy's ``Cert="…"``, the byte sequence of RFC 9440 and a PEM encoded for URLs are understood.

    Raises:
        ProtocolError: ``invalid_client``, for anything else and for several certificates.
    """
    try:
        return _parse(header.strip()).public_bytes(Encoding.DER)
    except (ValueError, binascii.Error) as error:
        raise invalid_client("The client certificate cannot be read") from error


def _parse(header: str) -> x509.Certificate:
    if header.startswith(":") and header.endswith(":"):
        return x509.load_der_x509_certificate(base64.b64decode(header[1:-1], validate=True))
    pem = unquote(header)
    if not pem.startswith("-----BEGIN"):
        pem = unquote(_read_envoy(header).get("cert", "").strip('"'))
    return x509.load_pem_x509_certificate(pem.encode())


def _read_envoy(header: str) -> dict[str, str]:
    """Return the elements of Envoy's header by name; refuses several certificates or names."""
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        element = _ELEMENT.match(header, position)
        if element is None or element[1].lower() in found:
            raise ValueError("not one certificate")
        found[element[1].lower()] = element[2]
        position = element.end()
    return found


def check_client_certificate(client: RelyingParty, certificate: bytes | None) -> None:
    """Refuse a caller whose certificate is not the one that its client registered."""
    if certificate is None:
        raise invalid_client("A client certificate is required")
    matches = (
        _is_registered(client, certificate)
        if client.auth_method == "self_signed_tls_client_auth"
        else _is_named(client, x509.load_der_x509_certificate(certificate))
    )
    if not matches:
        raise invalid_client("The client certificate is not that of the client")


def thumbprint(certificate: bytes) -> str:
    """Return the ``x5t#S256`` of a certificate."""
    digest = hashlib.sha256(certificate).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_bound_certificate(confirmation: Mapping[str, object], certificate: bytes | None) -> None:
    """Refuse a token that is bound to another certificate (section 3)."""
    bound = str(confirmation.get(MEMBER))
    if certificate is None or not hmac.compare_digest(bound, thumbprint(certificate)):
        description = "The access token is bound to another certificate"
        challenge = f'Bearer error="invalid_token", error_description="{description}"'
        raise ProtocolError("invalid_token", description, status=401, challenge=challenge)


def _is_registered(client: RelyingParty, certificate: bytes) -> bool:
    """Tell whether a key of the client brings this certificate (section 2.2)."""
    chains = [key.as_dict(private=False).get("x5c") for key in client.keys]
    return any(
        isinstance(chain, list) and chain and base64.b64decode(str(chain[0])) == certificate
        for chain in chains
    )


def _is_named(client: RelyingParty, certificate: x509.Certificate) -> bool:
    """Tell whether the certificate carries the one name that the client registered (2.1.2)."""
    options = client.options
    if options.tls_client_auth_subject_dn is not None:
        return _same_name(options.tls_client_auth_subject_dn, certificate.subject)
    wanted: tuple[tuple[str | None, Callable[[x509.SubjectAlternativeName], list[str]]], ...] = (
        (options.tls_client_auth_san_dns, lambda san: san.get_values_for_type(x509.DNSName)),
        (
            options.tls_client_auth_san_uri,
            lambda san: san.get_values_for_type(x509.UniformResourceIdentifier),
        ),
        (
            options.tls_client_auth_san_ip,
            lambda san: [str(one) for one in san.get_values_for_type(x509.IPAddress)],
        ),
        (options.tls_client_auth_san_email, lambda san: san.get_values_for_type(x509.RFC822Name)),
    )
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return any(name is not None and name in read(names) for name, read in wanted)


def _same_name(registered: str, subject: x509.Name) -> bool:
    written = _ATTRIBUTE.sub(lambda found: f"{found[1]}{found[2].upper()}=", registered)
    try:
        wanted = x509.Name.from_rfc4514_string(written)
    except ValueError:
        return False
    return wanted.rfc4514_string().casefold() == subject.rfc4514_string().casefold()
