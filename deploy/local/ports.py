"""Which port each part listens on: as set, as last time, by default, or one that is free."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.home import Home, read_json, write_json

LOOPBACK = "127.0.0.1"
DEFAULTS: Mapping[str, int] = {
    "PUBLIC": 8000,
    "POSTGRES": 5440,
    "VALKEY": 6390,
    "ENVOY_ADMIN": 9911,
    "IDENTITY": 8011,
    "PAYMENTS": 8012,
    "NOTIFICATIONS": 8013,
    "GATEWAY": 8014,
    "IDENTITY_WORKER": 8021,
    "PAYMENTS_WORKER": 8022,
    "NOTIFICATIONS_WORKER": 8023,
    "GATEWAY_WORKER": 8024,
    "BANK": 8101,
    "PAYEE_NAMES": 8102,
    "DOCUMENT_CHECK": 8103,
    "SMTP": 8104,
    "INBOX": 8105,
    "SMPP": 8106,
    "VOICE": 8107,
    "BANK_SFTP": 8108,
    "GLENMORE": 8201,
    "GOVSTACK": 3333,
}
# Names by which others know a port, beside our own.
_ALSO: Mapping[str, str] = {"GOVSTACK": "GOVSTACK_PORT"}
_HIGHEST = 65_535


class PortError(Exception):
    """A port is not a number, or taken where no other may be chosen; names the setting."""


@dataclass(frozen=True)
class Ports:
    """The ports of one run, and what to tell the person about them."""

    numbers: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    @property
    def public_url(self) -> str:
        """The address that people and programs use, without a last slash."""
        return f"http://localhost:{self['PUBLIC']}"


def setting_name(name: str) -> str:
    """Return the environment variable that sets a port."""
    return f"CLACHAN_PORT_{name}"


def load_ports(home: Home, environ: Mapping[str, str]) -> Ports:
    """Return the ports of the platform that runs, or that ran last."""
    known = _remembered(home)
    return Ports({name: _wanted(name, environ, known)[0] for name in DEFAULTS})


def choose_ports(home: Home, environ: Mapping[str, str]) -> Ports:
    """Return a free port for every part and remember them.

    Raises:
        PortError: the public port, or one that a setting names, is taken or not a port.
    """
    known = _remembered(home)
    wanted = {name: _wanted(name, environ, known) for name in DEFAULTS}
    numbers: dict[str, int] = {}
    notes = []
    for name, (number, is_fixed) in wanted.items():
        others = {port for other, (port, _) in wanted.items() if other != name}
        if number and number not in numbers.values() and is_free(number):
            numbers[name] = number
        elif number and is_fixed:
            raise PortError(
                f"port {number} is taken by another program; choose a free one with "
                f"{setting_name(name)} (for example {setting_name(name)}={number + 80})"
            )
        else:
            numbers[name] = _any_free(others | set(numbers.values()))
            if number:
                notes.append(f"port {number} is taken; {name.lower()} uses {numbers[name]}")
    write_json(home.path / "ports.json", numbers)
    return Ports(numbers, tuple(notes))


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _remembered(home: Home) -> dict[str, int]:
    saved = read_json(home.path / "ports.json")
    return {name: port for name, port in saved.items() if isinstance(port, int)}


def _wanted(name: str, environ: Mapping[str, str], known: Mapping[str, int]) -> tuple[int, bool]:
    """Return the port to try first (0: none), and whether no other may take its place."""
    text = environ.get(setting_name(name), "") or environ.get(_ALSO.get(name, ""), "")
    if not text:
        return known.get(name, DEFAULTS[name]), name == "PUBLIC"
    if not text.isdecimal() or int(text) > _HIGHEST:
        raise PortError(f"{setting_name(name)} must be a port number, not {text!r}")
    if text == "0":
        return known.get(name, 0), False
    return int(text), True
