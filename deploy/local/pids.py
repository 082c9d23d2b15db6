"""Which processes are ours: a process id is only believed together with its start time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.home import read_json, write_json

_MARKER = "CLACHAN_SUPERVISED_BY"
_START_FIELD = 19  # of /proc/PID/stat, counted after the command's closing bracket


def process_mark(pid: int) -> str | None:
    """Return what no later process of the same id can have, or None when there is none."""
    if sys.platform != "linux":
        asked = subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return asked.stdout.strip() or None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie runs nothing any more, it only waits to be collected.
    return None if fields[0] == "Z" else f"{boot}/{fields[_START_FIELD]}"


class PidFile:
    """The processes of one supervisor, kept so that the next one can clear up after it.

    On Linux they, and whatever they started in turn, are also known by a variable in their
    environment (``marker``), which no process has by chance.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._marks: dict[str, object] = {}

    @property
    def marker(self) -> dict[str, str]:
        """The variable that goes into the environment of each process."""
        return {_MARKER: str(self.path)}

    def add(self, pid: int) -> None:
        """Remember a process that was just started."""
        if (mark := process_mark(pid)) is not None:
            self._marks[str(pid)] = mark
            write_json(self.path, self._marks)

    def remove(self, pid: int) -> None:
        """Forget a process that ended."""
        if self._marks.pop(str(pid), None) is not None:
            write_json(self.path, self._marks)

    def clear_leftovers(self, timeout_seconds: float = 15) -> int:
        """End what an earlier supervisor left running; returns how many processes that were."""
        left = {
            int(pid): mark
            for pid, mark in read_json(self.path).items()
            if process_mark(int(pid)) == mark
        } | self._marked()
        # SIGINT is PostgreSQL's fast stop; every other program of ours takes it as well.
        _signal_all(left, signal.SIGINT)
        end = time.monotonic() + timeout_seconds
        while any(process_mark(pid) == mark for pid, mark in left.items()):
            if time.monotonic() > end:
                _signal_all(left, signal.SIGKILL)
                break
            time.sleep(0.05)
        write_json(self.path, {})
        return len(left)

    def _marked(self) -> dict[int, object]:
        """Return the processes whose environment says that they are of this folder."""
        wanted = f"{_MARKER}={self.path}".encode()
        found: dict[int, object] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "environ").read_bytes().split(b"\0")
            except OSError:  # of another user, or gone by now
                continue
            if wanted in words and int(folder.name) != os.getpid():
                found[int(folder.name)] = process_mark(int(folder.name))
        return {pid: mark for pid, mark in found.items() if mark is not None}


def _signal_all(processes: Mapping[int, object], number: signal.Signals) -> None:
    for pid, mark in processes.items():
        if process_mark(pid) == mark:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
