"""Which addresses a client may register, by what they are for; pure."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# A name that its owner holds in the DNS, turned round (RFC 8252, section 7.1).
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.IGNORECASE)
_LONGEST = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class AddressRules:
    """What decides beside the address itself.

    Attributes:
        allowed_hosts: hosts that may be plain http, for tests; empty in production.
        loopback: plain http may lead to the person's own computer.
    """

    allowed_hosts: frozenset[str] = frozenset()
    loopback: bool = False

    def is_allowed(self, parts: SplitResult) -> bool:
        """Tell whether a test setting names the host."""
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        return bool({parts.hostname, f"{parts.hostname}:{port}"} & self.allowed_hosts)


def address_fault(uri: str, rules: AddressRules) -> str:
    """Return what is wrong with an https address; empty when it is good."""
    parts, fault = _take_apart(uri)
    if parts is None:
        return fault
    if parts.scheme == "https" or (parts.scheme == "http" and rules.is_allowed(parts)):
        return ""
    if parts.scheme == "http" and rules.loopback and parts.hostname in _LOOPBACK:
        return ""
    return "must be https"


def link_fault(uri: str) -> str:
    """Return what is wrong with an address that people may follow; plain http is good here."""
    parts, fault = _take_apart(uri)
    if parts is None:
        return fault
    return "" if parts.scheme in _DEFAULT_PORTS else "must be an http or https address"


def redirect_fault(uri: str, rules: AddressRules, *, native: bool, implicit: bool) -> str:
    """Return what is wrong with a redirect URI (Registration, section 2; RFC 8252, section 7)."""
    parts, fault = _take_apart(uri, private_scheme=native)
    if parts is None:
        return fault
    if native:
        return _native_fault(parts)
    if implicit and parts.hostname in _LOOPBACK and not rules.is_allowed(parts):
        return "must not be localhost for an implicit grant"
    return address_fault(uri, AddressRules(rules.allowed_hosts, rules.loopback and not implicit))


def origin_of(uri: str) -> tuple[str, str, int]:
    """Return scheme, host and port, the scheme's own port where none is written."""
    parts = urlsplit(uri)
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        parts.port or _DEFAULT_PORTS.get(parts.scheme, 0),
    )


def is_same_native_address(registered: str, asked: str) -> bool:
    """Tell whether an app's address is the registered one, at any port of its own computer.

    RFC 8252, section 7.3: the port of a loopback address is only known when the app listens.
    """
    first, second = urlsplit(registered), urlsplit(asked)
    if first.scheme != "http" or first.hostname not in _LOOPBACK:
        return False
    try:
        second.port  # noqa: B018 - raises for what is not a number
    except ValueError:
        return False
    return second.username is None and (
        (first.scheme, first.hostname, first.path, first.query)
        == (second.scheme, second.hostname, second.path, second.query)
        and "#" not in asked
    )


def _native_fault(parts: SplitResult) -> str:
    if parts.scheme == "https":
        return ""
    if parts.scheme == "http":
        return (
            "" if parts.hostname in _LOOPBACK else "must be https or lead to the loopback address"
        )
    if _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return ""
    return "must have a scheme with a dot, such as com.example.app"


def _take_apart(uri: str, *, private_scheme: bool = False) -> tuple[SplitResult | None, str]:
    """Return the parts of an address, or None and what is wrong with any address like it."""
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - raises for what is not a number
    except ValueError:
        return None, "is not an address"
    own = private_scheme and parts.scheme not in _DEFAULT_PORTS
    unreadable = any(ord(letter) <= ord(" ") for letter in uri) or "\\" in uri
    for wrong, fault in (
        (len(uri) > _LONGEST or unreadable, "is not an address"),
        (not parts.scheme, "must be an absolute address"),
        (not parts.hostname and not (own and parts.path), "must be an absolute address"),
        ("#" in uri, "must not have a fragment"),
        (parts.username is not None, "must not carry a user name"),
        ("*" in parts.netloc, "must name one host"),
    ):
        if wrong:
            return None, fault
    return parts, ""
