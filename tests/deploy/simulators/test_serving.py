"""The process that stands in for the outside parties: starts, serves, says why not, stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PARTS = ("BANK", "BANK_SFTP", "PAYEE_NAMES", "DOCUMENT_CHECK", "SMTP", "INBOX", "SMPP", "VOICE")


def _free_ports() -> dict[str, int]:
    doors = {part: socket.create_server(("127.0.0.1", 0)) for part in PARTS}
    ports = {part: door.getsockname()[1] for part, door in doors.items()}
    for door in doors.values():
        door.close()
    return ports


def _environment(state: Path, ports: dict[str, int]) -> dict[str, str]:
    settings = {f"SIMULATORS_{part}_PORT": str(port) for part, port in ports.items()}
    return os.environ | settings | {"SIMULATORS_STATE_DIR": str(state), "PYTHONUNBUFFERED": "1"}


def _start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.simulators"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def ports() -> dict[str, int]:
    return _free_ports()


@pytest.fixture
def running(tmp_path: Path, ports: dict[str, int]) -> Iterator[subprocess.Popen[str]]:
    process = _start(_environment(tmp_path / "state", ports))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{ports['INBOX']}/api/fault", timeout=5)
            break
        except httpx.TransportError:
            time.sleep(0.1)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_every_party_answers_and_all_stop_together(
    running: subprocess.Popen[str], ports: dict[str, int], stop: signal.Signals
) -> None:
    for part in ("BANK", "PAYEE_NAMES", "DOCUMENT_CHECK", "INBOX", "VOICE"):
        answer = httpx.get(f"http://127.0.0.1:{ports[part]}/?secret=1", timeout=10)
        assert answer.status_code == 200, part
    with socket.create_connection(("127.0.0.1", ports["SMTP"]), 5) as line:
        assert line.recv(3) == b"220"
    with socket.create_connection(("127.0.0.1", ports["SMPP"]), 5) as line:
        line.sendall(bytes.fromhex("00000010000000150000000000000007"))
        assert line.recv(16) == bytes.fromhex("00000010800000150000000000000007")
    with socket.create_connection(("127.0.0.1", ports["BANK_SFTP"]), 5) as line:
        assert line.recv(4) == b"SSH-"
    running.send_signal(stop)
    out, err = running.communicate(timeout=15)
    assert running.returncode == 0
    assert err == ""
    assert "simulators.stopped" in out
    assert "secret" not in out, "queries may carry names"


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path, ports: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", ports["SMTP"])):
        process = _start(_environment(tmp_path, ports))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert f"mail cannot listen on port {ports['SMTP']}" in err


def test_a_missing_setting_is_one_clear_line(tmp_path: Path, ports: dict[str, int]) -> None:
    environment = _environment(tmp_path, ports)
    del environment["SIMULATORS_STATE_DIR"]
    _, err = (process := _start(environment)).communicate(timeout=30)
    assert process.returncode == 1
    assert err == "simulators: SIMULATORS_STATE_DIR: Field required\n"
