"""One process under watch: started, found ready, found dead, started again a little later."""

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deploy.local.children import signal_group, start_child
from deploy.local.plan import Process
from deploy.local.probes import Running

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_ROTATE_BYTES = 50_000_000


class State(StrEnum):
    """Where a process stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass
class Watched:
    """The life of one process of the table."""

    process: Process
    log: Path
    marker: Mapping[str, str] = field(default_factory=dict)
    state: State = State.WAITING
    restarts: int = 0
    deaths_before_ready: int = 0
    last_end: str = ""
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_at: float = 0.0
    due_at: float = 0.0
    _pause: float = _FIRST_PAUSE_SECONDS
    _log_start: int = 0
    _kill_at: float = float("inf")

    @property
    def name(self) -> str:
        """The process's name in the table."""
        return self.process.name

    @property
    def pid(self) -> int:
        """The process id, 0 when it does not run."""
        return self.child.pid if self.child is not None else 0

    def start(self) -> None:
        """Start it; raises OSError when its program is missing."""
        rotate(self.log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.child = start_child(
            self.process.command,
            log=self.log,
            directory=self.process.directory,
            environment=dict(self.process.environment) | dict(self.marker),
            death_signal=self.process.stop_signal,
        )
        self.started_at = time.monotonic()
        self.state = State.STARTING

    def check_ready(self) -> bool:
        """Tell whether it has just become ready."""
        if self.state is not State.STARTING or self.child is None:
            return False
        age = time.monotonic() - self.started_at
        if not self.process.ready(Running(self.child.pid, self.log, self._log_start, age)):
            return False
        self.state = State.READY
        self.deaths_before_ready = 0
        return True

    def check_ended(self) -> bool:
        """Tell whether it has just ended; if so its next start is due after a pause."""
        if self.child is None:
            return False
        if self.child.poll() is None:
            if time.monotonic() > self._kill_at:
                signal_group(self.child, signal.SIGKILL)
            return False
        code = self.child.returncode
        self.last_end = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if self.state is not State.READY:
            self.deaths_before_ready += 1
        elif time.monotonic() - self.started_at > _STEADY_SECONDS:
            self._pause = _FIRST_PAUSE_SECONDS
        signal_group(self.child, self.process.stop_signal)  # what it may have left of its group
        self.child = None
        self.state = State.PAUSED
        self.due_at = time.monotonic() + self._pause
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        self._kill_at = float("inf")
        return True

    def restart_soon(self) -> None:
        """Ask it to end; the watch starts it again at once."""
        self._pause = 0.0
        if self.child is not None:
            self.child.send_signal(self.process.stop_signal)
            self._kill_at = time.monotonic() + self.process.stop_timeout_seconds
        self.due_at = 0.0

    def is_late(self) -> bool:
        """Tell whether it has been starting for longer than it may take."""
        waited = time.monotonic() - self.started_at
        return self.state is State.STARTING and waited > self.process.start_timeout_seconds

    def facts(self) -> dict[str, object]:
        """Return what the status file says about it."""
        return {
            "name": self.name,
            "state": str(self.state),
            "pid": self.pid,
            "restarts": self.restarts,
            "address": self.process.address,
            "log": str(self.log),
        }


def rotate(log: Path) -> None:
    """Move a log that grew large aside, over the one moved before."""
    if log.exists() and log.stat().st_size > _ROTATE_BYTES:
        log.replace(log.with_suffix(".log.1"))
