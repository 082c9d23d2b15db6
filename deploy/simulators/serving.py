"""Runs every simulator in one loop until told to stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from deploy.simulators.events import TellRequests, tell
from deploy.simulators.settings import SimulatorSettings
from identity.verification.simulator import make_app as make_document_check
from notifications.channels.simulator import make_app as make_inbox
from notifications.channels.simulator import make_voice_app, start_smsc, start_smtp
from payments.bank.simulator import SftpDoor, make_desk
from payments.bank.simulator import make_app as make_bank
from payments.payees.simulator import make_app as make_payee_names

_STOP_SECONDS = 3


class PortTakenError(Exception):
    """A simulator cannot listen where its setting says."""


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: they stop all simulators at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make_apps(settings: SimulatorSettings) -> dict[str, tuple[ASGIApp, int]]:
    """Return the simulators that speak HTTP, by name, each with its port."""
    state = settings.state_dir
    return {
        "bank": (make_bank(state), settings.bank_port),
        "payee-names": (make_payee_names(state), settings.payee_names_port),
        "document-check": (make_document_check(state), settings.document_check_port),
        "inbox": (make_inbox(state), settings.inbox_port),
        "voice": (make_voice_app(state), settings.voice_port),
    }


async def serve(settings: SimulatorSettings) -> None:
    """Serve all simulators until SIGTERM or SIGINT.

    Raises:
        PortTakenError: names the setting and the port; nothing is left running.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        apps = make_apps(settings)
        doors = {
            name: stack.enter_context(_listen(name, settings.host, port))
            for name, (_, port) in apps.items()
        }
        await _start_mail(settings, stack)
        await _start_texts(settings, stack)
        _start_bank_files(settings, stack)
        servers = [_make_server(name, app) for name, (app, _) in apps.items()]
        running = [
            asyncio.create_task(server.serve([door]))
            for server, door in zip(servers, doors.values(), strict=True)
        ]
        for name, (_, port) in apps.items():
            tell(name, "simulator.started", port=port)
        await _until(stop, running)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)
    tell("all", "simulators.stopped")


def _make_server(name: str, app: ASGIApp) -> _Server:
    config = uvicorn.Config(
        TellRequests(app, name),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return _Server(config)


@contextlib.contextmanager
def _listen(name: str, host: str, port: int) -> Iterator[socket.socket]:
    try:
        door = socket.create_server((host, port))
    except OSError as error:
        raise PortTakenError(f"{name} cannot listen on port {port}: {error.strerror}") from error
    with door:
        yield door


async def _start_mail(settings: SimulatorSettings, stack: contextlib.AsyncExitStack) -> None:
    def tell_mail(event: str, number: int, story: str) -> None:
        tell("mail", event, number=number or None, correlation_id=story)

    port = settings.smtp_port
    try:
        server = await start_smtp(settings.state_dir, settings.host, port, tell_mail)
    except OSError as error:
        raise PortTakenError(f"mail cannot listen on port {port}: {error.strerror}") from error
    stack.callback(server.close)
    tell("mail", "simulator.started", port=port)


async def _start_texts(settings: SimulatorSettings, stack: contextlib.AsyncExitStack) -> None:
    def tell_text(event: str, number: int) -> None:
        tell("texts", event, number=number or None)

    port = settings.smpp_port
    try:
        server = await start_smsc(settings.state_dir, settings.host, port, tell_text)
    except OSError as error:
        raise PortTakenError(f"texts cannot listen on port {port}: {error.strerror}") from error
    stack.callback(server.close)
    tell("texts", "simulator.started", port=port)


def _start_bank_files(settings: SimulatorSettings, stack: contextlib.AsyncExitStack) -> None:
    state, port = settings.state_dir, settings.bank_sftp_port
    try:
        door = SftpDoor(make_desk(state), state, settings.host, port)
    except OSError as error:
        raise PortTakenError(
            f"bank files cannot listen on port {port}: {error.strerror}"
        ) from error
    stack.callback(door.close)
    tell("bank-files", "simulator.started", port=port)


async def _until(stop: asyncio.Event, running: list[asyncio.Task[None]]) -> None:
    """Wait for the order to stop, or for a server that ends by itself."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
