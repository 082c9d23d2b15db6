"""Fetching from and posting to addresses that somebody outside gave us.

Such an address may point at a machine of ours. So each request is https, its host is resolved once,
every address it resolves to must be a public one, the connection goes to the address that was
checked, and neither redirects nor large or slow answers are followed to their end.
"""

import ipaddress
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import httpx

from shared.correlation import correlation_id

_HTTPS_PORT = 443
_USER_AGENT = "Clachan"
_MOST_KEPT = 500


class OutboundError(Exception):
    """An address may not be asked, or did not answer as it should; the text says which."""


@dataclass(frozen=True)
class Answer:
    """What an outside address answered, never more than was allowed."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return httpx.codes.is_success(self.status)


class GuardedHttp:
    """A client for foreign addresses; keeps no cookies and follows no redirects.

    Args:
        timeout_seconds: for connecting, and for the whole answer.
        allowed_hosts: ``host`` or ``host:port`` that may be private and plain http, for tests and
            the simulators; production must give none.
        ca_file: certificates to trust beside the system's, for the same purpose.
    """

    def __init__(
        self,
        timeout_seconds: float = 5.0,
        *,
        allowed_hosts: frozenset[str] = frozenset(),
        ca_file: Path | None = None,
    ) -> None:
        self._timeout = timeout_seconds
        self._allowed = allowed_hosts
        self._ca_file = ca_file
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()

    def get(
        self, url: str, *, accept: str = "application/json", maximum_bytes: int = 65_536
    ) -> Answer:
        """Return what an address serves; refuses addresses that are not for us to ask.

        Raises:
            OutboundError: not allowed, unreachable, too slow, too large, or not a success.
        """
        answer = self._send("GET", url, maximum_bytes, headers={"Accept": accept})
        if not answer.is_success:
            raise OutboundError(f"answered with {answer.status}")
        return answer

    def get_kept(
        self, url: str, *, accept: str = "application/json", seconds: float = 300.0
    ) -> Answer:
        """Return what an address served at most ``seconds`` ago; asks it where that is unknown."""
        key, now = (url, accept), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now - kept[0] < seconds:
            return kept[1]
        answer = self.get(url, accept=accept)
        with self._lock:
            self._kept[key] = (now, answer)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        maximum_bytes: int = 65_536,
    ) -> Answer:
        """Send a form or a JSON document and return the answer, whatever its status.

        Raises:
            OutboundError: not allowed, unreachable, too slow or too large.
        """
        return self._send("POST", url, maximum_bytes, headers=headers or {}, form=form, json=json)

    def put(
        self,
        url: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        maximum_bytes: int = 65_536,
    ) -> Answer:
        """Put a JSON document and return the answer, whatever its status.

        Raises:
            OutboundError: not allowed, unreachable, too slow or too large.
        """
        return self._send("PUT", url, maximum_bytes, headers=headers or {}, json=json)

    def _send(
        self,
        method: str,
        url: str,
        maximum_bytes: int,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        with self.connect(url) as line:
            return line.send(method, maximum_bytes, headers=headers, form=form, json=json)

    @contextmanager
    def connect(self, url: str) -> Iterator["GuardedLine"]:
        """Check an address once and yield a line to it, for several requests one after another.

        Raises:
            OutboundError: not allowed, or its host is not known.
        """
        asked, address = self._check(url)
        with httpx.Client(
            verify=_trust(self._ca_file),
            timeout=self._timeout,
            trust_env=False,
            follow_redirects=False,
        ) as client:
            yield GuardedLine(client, asked, address, self._timeout)

    def _check(self, url: str) -> tuple[httpx.URL, str]:
        """Return the address taken apart, and the one network address to connect to."""
        try:
            asked = httpx.URL(url)
            port = asked.port or (_HTTPS_PORT if asked.scheme == "https" else 80)
        except httpx.InvalidURL as error:
            raise OutboundError("is not an address") from error
        if asked.userinfo:
            raise OutboundError("must not carry a user name")
        allowed = bool({asked.host, f"{asked.host}:{port}"} & self._allowed)
        if asked.scheme != "https" and not (allowed and asked.scheme == "http"):
            raise OutboundError("must be https")
        try:
            found = socket.getaddrinfo(asked.host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise OutboundError("has a host that is not known") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not allowed and any(not is_public(address) for address in addresses):
            raise OutboundError("leads to a private network")
        return asked, addresses[0]


class GuardedLine:
    """Connections to one address that was checked; threads may share it, each keeps its own."""

    def __init__(
        self, client: httpx.Client, asked: httpx.URL, address: str, timeout_seconds: float
    ) -> None:
        self._client = client
        self._asked = asked
        self._pinned = asked.copy_with(host=address)
        self._timeout = timeout_seconds

    def send(
        self,
        method: str,
        maximum_bytes: int,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises:
            OutboundError: unreachable, too slow or too large.
        """
        try:
            with self._client.stream(
                method,
                self._pinned,
                headers={
                    **headers,
                    "Host": self._asked.netloc.decode(),
                    "User-Agent": _USER_AGENT,
                    "X-Correlation-Id": correlation_id(),
                    "Accept-Encoding": "identity",
                },
                data=form,
                json=json,
                content=content,
                extensions={"sni_hostname": self._asked.host},
            ) as response:
                read = self._read(response, maximum_bytes)
                return Answer(response.status_code, dict(response.headers), read)
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise OutboundError(f"cannot be reached: {type(error).__name__}") from error

    def _read(self, response: httpx.Response, maximum_bytes: int) -> bytes:
        until = time.monotonic() + self._timeout
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > maximum_bytes:
                raise OutboundError(f"sent more than {maximum_bytes} bytes")
            if time.monotonic() > until:
                raise OutboundError(f"took longer than {self._timeout} seconds")
        return bytes(content)


@lru_cache
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return whom to trust; reading the system's list takes as long as a request."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def is_public(address: str) -> bool:
    """Tell whether a network address is one that anybody on the Internet could reach."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            parsed = inner
    return parsed.is_global and not parsed.is_multicast
