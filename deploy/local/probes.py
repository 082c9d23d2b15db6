"""Ways to tell that a process is ready to work; each answers at once and never raises."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK

_TIMEOUT_SECONDS = 2.0
_OK = range(200, 300)
_ANSWERED = range(200, 500)


@dataclass(frozen=True)
class Running:
    """What a probe may know of the process it asks about."""

    pid: int
    log: Path
    log_start: int  # size of the log, in bytes, when this process began
    age_seconds: float = 0.0


Probe = Callable[[Running], bool]


def tcp(port: int) -> Probe:
    """Return a probe that is content when somebody listens on a port."""

    def probe(_: Running) -> bool:
        return _exchange(port, b"", 0) is not None

    return probe


def http(port: int, path: str) -> Probe:
    """Return a probe that is content with a 2xx answer."""

    def probe(_: Running) -> bool:
        return http_status(port, path) in _OK

    return probe


def answers(port: int, path: str) -> bool:
    """Tell whether a page is served at all: anything but silence and a server's error."""
    return http_status(port, path) in _ANSWERED


def logged(word: str, patience_seconds: float = 30) -> Probe:
    """Return a probe that waits for a word in what the process has logged since it started.

    A process that lives for longer than ``patience_seconds`` is believed without the word, which
    a setting of its log level may have kept back.
    """

    def probe(running: Running) -> bool:
        if running.age_seconds > patience_seconds:
            return True
        try:
            with running.log.open("rb") as file:
                file.seek(running.log_start)
                return word.encode() in file.read(1_000_000)
        except OSError:
            return False

    return probe


def redis(port: int, password: str) -> Probe:
    """Return a probe that is content when Redis or Valkey has read its file and answers."""

    def probe(_: Running) -> bool:
        answer = _exchange(port, f"AUTH {password}\r\nPING\r\n".encode(), 12)
        return answer is not None and b"+PONG" in answer

    return probe


def http_status(port: int, path: str) -> int:
    """Return the status of a GET on the loopback address, 0 when there is no answer."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    answer = _exchange(port, request.encode(), 12)
    words = (answer or b"").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def _exchange(port: int, request: bytes, at_least: int) -> bytes | None:
    """Send bytes and return the answer's beginning; None when nobody answers in time."""
    try:
        with socket.create_connection((LOOPBACK, port), _TIMEOUT_SECONDS) as connection:
            if request:
                connection.sendall(request)
            answer = b""
            while len(answer) < at_least and (part := connection.recv(1024)):
                answer += part
            return answer
    except OSError:
        return None
