"""Child processes that cannot outlive whoever started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def start_child(
    command: Sequence[str | Path],
    *,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    answer: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in its own process group, its output appended to ``log``.

    With ``answer`` its standard output goes there instead, over what was there.

    On Linux the kernel sends ``death_signal`` to the child when the parent ends in whatever way,
    so call this from the thread that lives as long as the parent.

    Raises:
        OSError: the program is missing or cannot be executed.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it ended before the kernel was asked
                os.kill(os.getpid(), death_signal)

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, answer.open("wb") if answer else nullcontext() as own:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=own or output,
            stderr=output,
            cwd=directory,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            preexec_fn=tie_to_parent,  # noqa: PLW1509 - callers fork from a single thread
        )


def signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a child and all that it started; silent when they are gone already."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        # macOS answers PermissionError for a group of which only a zombie is left.
        return


def stop_child(
    child: subprocess.Popen[bytes],
    *,
    number: signal.Signals = signal.SIGTERM,
    timeout_seconds: float = 15,
) -> None:
    """Ask a child to end, wait for it, and kill its whole group when it takes too long."""
    if child.poll() is None:
        child.send_signal(number)
        try:
            child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            signal_group(child, signal.SIGKILL)
            child.wait()
    signal_group(child, signal.SIGKILL)


def log_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, for a message about a failure."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8_192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
