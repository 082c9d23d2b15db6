"""Installs what the platform needs, below the repository only; quick when nothing changed.

Run by the machine's own Python before there is any other, so it uses the standard library alone.
"""

import fcntl
import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.home import ROOT
from deploy.local.programs import ProgramMissingError, find_node, npm_command

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE_FOLDER = ROOT / "deploy" / "node"
_LOCKS = {
    "run": ROOT / "requirements" / "local.txt",
    "dev": ROOT / "requirements" / "dev.txt",
}
# A foreign client of the tests pins libraries in versions of its own.
INTEROP_VENV = ROOT / ".venv-interop"
_INTEROP_LOCK = ROOT / "requirements" / "interop.txt"
_NODE_LOCK = ROOT / "deploy" / "local" / "node.txt"
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


class SetupError(Exception):
    """A part of the set-up failed; says what to do about it."""


def set_up(level: str) -> None:
    """Bring the virtual environment and the Node packages up to their lock files.

    ``dev`` contains all of ``run``; having it satisfies both. ``interop`` is ``dev`` and the
    environment of the foreign clients beside it.

    Raises:
        SetupError: something could not be installed.
    """
    # The lock is this file, because making the environment anew deletes what lies in it.
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands at once: the second waits
        _make_venv()
        own = "dev" if level == "interop" else level
        if not (own == "run" and _is_current("dev")):
            _install(own)
        _install_node_packages()
        if level == "interop":
            _install_interop()


def _install_interop() -> None:
    """Make the environment of the foreign clients anew whenever its lock file changed."""
    stamp = INTEROP_VENV / ".clachan-interop"
    wanted = _fingerprint(_INTEROP_LOCK)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _say("installing the foreign clients of the tests")
    _run([sys.executable, "-m", "venv", "--clear", str(INTEROP_VENV)], "a virtual environment")
    python = str(INTEROP_VENV / "bin" / "python")
    _run([python, *_PIP, "install", "--require-hashes", "-r", str(_INTEROP_LOCK)], "Clients")
    stamp.write_text(wanted)


def _make_venv() -> None:
    stamp = _stamp("venv")
    known = _is_ours if stamp.exists() else _adopted
    if PYTHON.exists() and known(stamp):
        return
    _say(f"making {VENV.name} with Python {sys.version.split()[0]}")
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(
            f"this Python cannot make a virtual environment (on Debian and Ubuntu the package "
            f"python3-venv brings that): {(done.stdout + done.stderr).strip()[-300:]}"
        )
    stamp.write_text(_fingerprint())


def _is_ours(stamp: Path) -> bool:
    """Tell whether the environment was made here and by this Python; a moved one is useless."""
    return stamp.read_text() == _fingerprint()


def _adopted(stamp: Path) -> bool:
    """Take over an environment that the person made, where it has a pip that works."""
    command = [str(PYTHON), "-m", "pip", "--version"]
    works = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if works:
        stamp.write_text(_fingerprint())
    return works


def _install(level: str) -> None:
    if _is_current(level):
        return
    lock = _LOCKS[level]
    if not lock.exists():
        raise SetupError(f"{lock} is missing: `make lock` writes it")
    _say(f"installing Python packages ({lock.name}); the first time takes a minute or two")
    began = time.monotonic()
    _run([str(PYTHON), *_PIP, "install", "--require-hashes", "-r", str(lock)], "Python packages")
    _stamp(level).write_text(_fingerprint(lock))
    _say(f"Python packages are there after {time.monotonic() - began:.0f} s")


def _is_current(level: str) -> bool:
    lock, stamp = _LOCKS[level], _stamp(level)
    return lock.exists() and stamp.exists() and stamp.read_text() == _fingerprint(lock)


def _install_node_packages() -> None:
    lock = NODE_FOLDER / "package-lock.json"
    stamp = NODE_FOLDER / "node_modules" / ".clachan-stamp"
    wanted = _fingerprint(lock)
    node = _node()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _say("installing Node packages (design system, fonts)")
    _run([*npm_command(node), "ci", "--ignore-scripts", "--loglevel=error"], "Node packages")
    stamp.write_text(wanted)


def _node() -> Path:
    """Return a Node that is new enough, brought by a wheel where the machine has none."""
    packages = next(iter(VENV.glob("lib/python*/site-packages")))
    if (node := find_node(packages)) is None:
        _say("no Node 20 or newer here: installing one into .venv")
        command = [str(PYTHON), *_PIP, "install", "--require-hashes", "-r", str(_NODE_LOCK)]
        _run(command, "Node")
        node = find_node(packages)
    if node is None:
        raise SetupError("no Node that runs on this machine: install Node 20 or newer")
    return node


def _run(command: Sequence[str], what: str) -> None:
    folder = NODE_FOLDER if what == "Node packages" else ROOT
    if subprocess.run(command, cwd=folder, check=False).returncode != 0:
        raise SetupError(f"{what} could not be installed; the reason is above")


def _fingerprint(*files: Path) -> str:
    """Return what an installation depends on: files, this Python, and where all of it lies."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamp(name: str) -> Path:
    return VENV / f".clachan-{name}"


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {'set-up':<22} {what}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Set up the level that is named, ``run`` by default."""
    try:
        set_up(arguments[0] if arguments else "run")
    except (SetupError, ProgramMissingError) as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
