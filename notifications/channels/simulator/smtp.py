"""The simulated mail server itself: real SMTP on a socket, every email kept."""

import asyncio
from collections.abc import Callable
from email.parser import BytesHeaderParser
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from notifications.channels.simulator.store import Fault, Store

_SLOW_SECONDS = 15.0
_NO_SUCH_USER = "550 5.1.1 No such user here"
_LATER = "451 4.3.0 Try again later"
MAIL_FILE = "mail.sqlite"
# Is told of each email: what happened, its number here (0 if not kept), the story's id.
Tell = Callable[[str, int, str], None]


class _Server(SMTP):
    """One connection; the fault is drawn once per email, at its first recipient."""

    fault: Fault = "none"


class _Handler:
    def __init__(self, store: Store, tell: Tell) -> None:
        self._store = store
        self._tell = tell

    async def handle_RCPT(  # noqa: N802 - the names are aiosmtpd's
        self,
        server: _Server,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if not envelope.rcpt_tos:
            server.fault = self._store.take_fault()
        if server.fault == "refuse":
            self._tell("mail.refused", 0, "")
            return _NO_SUCH_USER
        if server.fault == "temporary":
            self._tell("mail.deferred", 0, "")
            return _LATER
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - the names are aiosmtpd's
        self, server: _Server, _session: Session, envelope: Envelope
    ) -> str:
        if server.fault == "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        number = self._store.add(envelope.mail_from or "", envelope.rcpt_tos, raw)
        story = BytesHeaderParser().parsebytes(raw).get("X-Correlation-Id", "")
        self._tell("mail.kept", number, story)
        if server.fault == "drop" and isinstance(server.transport, asyncio.Transport):
            # Taken, but the sender never hears of it.
            server.transport.abort()
        return f"250 2.0.0 Kept as {number}"


def tell_nobody(_event: str, _number: int, _story: str) -> None:
    """Log nothing."""


async def start_smtp(
    state_dir: Path, host: str, port: int, tell: Tell = tell_nobody
) -> asyncio.Server:
    """Listen for email and return the running server; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    handler = _Handler(Store(state_dir / MAIL_FILE), tell)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: _Server(
            handler, loop=loop, hostname="mail.simulator.invalid", enable_SMTPUTF8=True
        ),
        host,
        port,
    )
