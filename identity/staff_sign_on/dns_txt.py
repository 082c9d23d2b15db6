"""Reading the TXT records of a domain (RFC 1035), to see whether it says our words."""

import secrets
import socket
import struct
from pathlib import Path

_RESOLV_CONF = Path("/etc/resolv.conf")
_PORT = 53
_TXT = 16
_IN = 1
_RECURSION_DESIRED = 0x0100
_TRUNCATED = 0x0200
_POINTER = 0xC0
_TIMEOUT_SECONDS = 4.0
_LARGEST = 4096


class DnsAwayError(Exception):
    """The name server did not answer as it should."""


def resolver_address(setting: str) -> tuple[str, int]:
    """Return the name server to ask: the one that is set, else the machine's own."""
    if setting:
        host, _, port = setting.rpartition(":")
        return (host, int(port)) if host else (setting, _PORT)
    for line in _RESOLV_CONF.read_text().splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            return words[1], _PORT
    raise DnsAwayError("no name server is known")


def read_txt(domain: str, server: tuple[str, int]) -> list[str]:
    """Return the texts of a domain's TXT records, none where it has none.

    Raises:
        DnsAwayError: no answer in time, or one that cannot be read.
    """
    number = secrets.randbelow(0x10000)
    question = _question(domain)
    sent = struct.pack(">6H", number, _RECURSION_DESIRED, 1, 0, 0, 0) + question
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(_TIMEOUT_SECONDS)
            # Connected, so that only this server's packets arrive.
            asking.connect(server)
            asking.send(sent)
            answer = asking.recv(_LARGEST)
    except OSError as error:
        raise DnsAwayError(type(error).__name__) from error
    try:
        return _texts(answer, number, question)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise DnsAwayError("the answer cannot be read") from error


def _question(domain: str) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in domain.split("."))
    return labels + b"\0" + struct.pack(">2H", _TXT, _IN)


def _texts(answer: bytes, number: int, question: bytes) -> list[str]:
    got, flags, questions, answers, _, _ = struct.unpack(">6H", answer[:12])
    body = answer[12 : 12 + len(question)]
    if got != number or questions != 1 or body.lower() != question.lower() or flags & _TRUNCATED:
        raise DnsAwayError("the answer is to another question")
    at, found = 12 + len(question), []
    for _ in range(answers):
        at = _after_name(answer, at)
        kind, _class, _ttl, length = struct.unpack(">2HIH", answer[at : at + 10])
        at += 10
        if kind == _TXT:
            found.append(_joined(answer[at : at + length]))
        at += length
    return found


def _after_name(answer: bytes, at: int) -> int:
    while True:
        length = answer[at]
        if length & _POINTER == _POINTER:
            return at + 2
        at += 1 + length
        if length == 0:
            return at


def _joined(data: bytes) -> str:
    """Return the pieces of one record as one text."""
    at, pieces = 0, b""
    while at < len(data):
        pieces += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return pieces.decode()
