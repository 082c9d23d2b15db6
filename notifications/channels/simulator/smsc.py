"""The simulated message centre: SMPP 3.4 on a socket, written from the specification.

It knows no library, so that a misunderstanding of the one that sends cannot hide itself.
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from notifications.channels.simulator.texts import TEXTS_FILE, SpokenMessage, TextStore

_HEADER = struct.Struct(">IIII")
_LONGEST = 4096
_RESPONSE = 0x80000000
_GENERIC_NACK = 0x80000000
_BIND_RECEIVER, _BIND_TRANSMITTER, _BIND_TRANSCEIVER = 0x01, 0x02, 0x09
_SUBMIT, _DELIVER, _UNBIND, _ENQUIRE = 0x04, 0x05, 0x06, 0x15
_BINDS = (_BIND_RECEIVER, _BIND_TRANSMITTER, _BIND_TRANSCEIVER)
_OK, _UNKNOWN_COMMAND, _NOT_BOUND, _BAD_NUMBER, _BAD_PASSWORD, _THROTTLED = (
    *(0x00, 0x03, 0x04, 0x0B, 0x0E, 0x58),
)
_UDHI = 0x40
_UCS2 = 0x08
_RECEIPT_CLASS = 0x04
_RECEIPT_WORDS = {"delivered": ("DELIVRD", "000"), "missed": ("UNDELIV", "001")}
_REJECTED = ("REJECTD", "0ff")
_ESCAPED = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~"}
_ESCAPED |= {0x3E: "]", 0x40: "|", 0x65: "€"}
_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Is told of each text: what happened and its number here (0 if not kept).
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Login:
    """Who may bind."""

    system_id: str = "clachan"
    password: str = "simulate"  # noqa: S105 - of a simulator, and known


def tell_nobody(_event: str, _number: int) -> None:
    """Log nothing."""


class _Line:
    """One connection of a sender."""

    def __init__(
        self, store: TextStore, login: Login, tell: Tell, writer: asyncio.StreamWriter
    ) -> None:
        self._store, self._login, self._tell, self._writer = store, login, tell, writer
        self._bound = 0
        self._sequence = 0
        self._receipts: dict[int, int] = {}

    async def talk(self, reader: asyncio.StreamReader) -> None:
        """Answer until the sender leaves."""
        while True:
            head = await reader.readexactly(_HEADER.size)
            length, command, status, sequence = _HEADER.unpack(head)
            if not _HEADER.size <= length <= _LONGEST:
                return
            body = await reader.readexactly(length - _HEADER.size)
            if command == _DELIVER | _RESPONSE:
                self._confirmed(sequence, status)
            else:
                self._answer(command, sequence, body)
            await self._writer.drain()
            if command == _UNBIND:
                return

    def _answer(self, command: int, sequence: int, body: bytes) -> None:
        if command in _BINDS:
            self._bind(command, sequence, body)
        elif command == _SUBMIT:
            self._submit(sequence, body)
        elif command in (_ENQUIRE, _UNBIND):
            self._send(command | _RESPONSE, _OK, sequence)
        elif not command & _RESPONSE:
            self._send(_GENERIC_NACK, _UNKNOWN_COMMAND, sequence)

    def _bind(self, command: int, sequence: int, body: bytes) -> None:
        name, rest = _text(body)
        password, _ = _text(rest)
        if (name, password) != (self._login.system_id, self._login.password):
            self._send(command | _RESPONSE, _BAD_PASSWORD, sequence)
            return
        self._bound = command
        self._send(command | _RESPONSE, _OK, sequence, b"simulator\0")
        if command != _BIND_TRANSMITTER:
            for spoken in self._store.untold():
                self._deliver_receipt(spoken)

    def _submit(self, sequence: int, body: bytes) -> None:
        answer = _SUBMIT | _RESPONSE
        if self._bound not in (_BIND_TRANSMITTER, _BIND_TRANSCEIVER):
            self._send(answer, _NOT_BOUND, sequence)
            return
        fault = self._store.fault()
        if fault in ("refuse", "later"):
            self._tell("text.refused", 0)
            self._send(answer, _BAD_NUMBER if fault == "refuse" else _THROTTLED, sequence)
            return
        sender, recipient, words = _read_submit(body)
        status = fault if fault in ("missed", "unreachable") else "delivered"
        number = self._store.add("sms", sender, f"+{recipient}", words, status=status, key=None)
        self._tell("text.kept", number)
        self._send(answer, _OK, sequence, f"{number}\0".encode())
        if self._bound == _BIND_TRANSCEIVER and (spoken := self._store.get(number)):
            self._deliver_receipt(spoken)

    def _deliver_receipt(self, spoken: SpokenMessage) -> None:
        state, error = _RECEIPT_WORDS.get(spoken.status, _REJECTED)
        at = datetime.now(UTC).strftime("%y%m%d%H%M")
        words = (
            f"id:{spoken.id} sub:001 dlvrd:{'001' if state == 'DELIVRD' else '000'}"
            f" submit date:{at} done date:{at} stat:{state} err:{error} text:"
        ).encode()
        body = b"\0" + b"\x01\x01" + spoken.recipient.removeprefix("+").encode() + b"\0"
        body += b"\x05\x00" + spoken.sender.encode() + b"\0"
        body += bytes((_RECEIPT_CLASS, 0, 0)) + b"\0\0" + bytes((0, 0, 0, 0, len(words))) + words
        self._sequence += 1
        self._receipts[self._sequence] = spoken.id
        self._send(_DELIVER, _OK, self._sequence, body)

    def _confirmed(self, sequence: int, status: int) -> None:
        number = self._receipts.pop(sequence, 0)
        if number and status == _OK:
            self._store.mark_told(number)

    def _send(self, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        head = _HEADER.pack(_HEADER.size + len(body), command, status, sequence)
        self._writer.write(head + body)


def _text(body: bytes) -> tuple[str, bytes]:
    """Return the C string at the start, and what follows it."""
    words, _, rest = body.partition(b"\0")
    return words.decode("latin-1"), rest


def _read_submit(body: bytes) -> tuple[str, str, str]:
    """Return sender, recipient and words of a ``submit_sm`` (SMPP 3.4, 4.4.1)."""
    _, rest = _text(body)
    sender, rest = _text(rest[2:])
    recipient, rest = _text(rest[2:])
    esm_class, rest = rest[0], rest[3:]
    _, rest = _text(rest)
    _, rest = _text(rest)
    coding, length = rest[2], rest[4]
    words = rest[5 : 5 + length]
    if esm_class & _UDHI and words:
        words = words[1 + words[0] :]
    return sender, recipient, _decode(words, coding)


def _decode(words: bytes, coding: int) -> str:
    if coding == _UCS2:
        return words.decode("utf-16-be", "replace")
    signs, escaped = [], False
    for value in words:
        if escaped:
            signs.append(_ESCAPED.get(value, "?"))
        elif value != 0x1B:  # noqa: PLR2004 - the escape of the alphabet
            signs.append(_GSM[value] if value < len(_GSM) else "?")
        escaped = not escaped and value == 0x1B  # noqa: PLR2004 - the escape of the alphabet
    return "".join(signs)


async def start_smsc(
    state_dir: Path, host: str, port: int, tell: Tell = tell_nobody, login: Login | None = None
) -> asyncio.Server:
    """Listen for texts and return the running server; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    store = TextStore(state_dir / TEXTS_FILE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(store, login or Login(), tell, writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, IndexError):
            await line.talk(reader)
        writer.close()

    return await asyncio.start_server(serve, host, port)
