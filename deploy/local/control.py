"""Speaks to a supervisor that runs already: is it there, how are its processes, end it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from deploy.local.home import Home, read_json
from deploy.local.pids import process_mark

RESTART_PREFIX = "restart."
_STOP_TIMEOUT_SECONDS = 90.0


class AlreadyRunningError(Exception):
    """Another supervisor has this folder."""


@contextmanager
def only_supervisor(home: Home) -> Iterator[None]:
    """Hold the folder for one supervisor; the lock ends with the process that holds it.

    Raises:
        AlreadyRunningError: another one holds it.
    """
    home.prepare()
    with (home.run / "supervisor.lock").open("a") as file:
        if not _lock(file):
            raise AlreadyRunningError
        yield


def is_running(home: Home) -> bool:
    """Tell whether a supervisor has this folder."""
    path = home.run / "supervisor.lock"
    if not path.exists():
        return False
    with path.open("a") as file:
        return not _lock(file)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def state(home: Home) -> str:
    """Return the platform's state in one word."""
    return str(read_status(home).get("state", "starting")) if is_running(home) else "stopped"


def read_status(home: Home) -> dict[str, object]:
    """Return what the supervisor last wrote of itself."""
    return read_json(home.run / "status.json")


def read_processes(home: Home) -> list[dict[str, object]]:
    """Return the supervisor's facts of each process."""
    return cast("list[dict[str, object]]", read_status(home).get("processes", []))


def supervisor_pid(home: Home) -> int:
    """Return the running supervisor's process id, 0 when it is not certain."""
    status = read_status(home)
    pid = int(str(status.get("pid", 0)))
    return pid if pid and process_mark(pid) == status.get("mark") else 0


def stop(home: Home) -> bool:
    """Ask the supervisor to stop and wait for it; tells whether it has ended."""
    end = time.monotonic() + _STOP_TIMEOUT_SECONDS
    asked = 0
    while is_running(home):
        pid = supervisor_pid(home)
        if pid and pid != asked:
            os.kill(pid, signal.SIGTERM)
            asked = pid
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def restart(home: Home, name: str) -> bool:
    """Have one process ended and started again; refuses a name that is not in the table."""
    pid = supervisor_pid(home)
    if not pid or all(process["name"] != name for process in read_processes(home)):
        return False
    (home.run / f"{RESTART_PREFIX}{name}").touch()
    os.kill(pid, signal.SIGUSR1)
    return True
