import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local import setup
from deploy.local.home import ROOT


class Machine:
    """Stands in for the programs that set-up calls, and remembers their calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[str] = []
        self.fails = ""

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        call = " ".join(map(str, command))
        self.calls.append(call)
        if "-m venv" in call:
            (self.root / ".venv/lib/python3.11/site-packages").mkdir(parents=True)
            (self.root / ".venv/bin").mkdir()
            (self.root / ".venv/bin/python").touch()
        if " ci " in call:
            (self.root / "node/node_modules").mkdir(exist_ok=True)
        failed = bool(self.fails) and self.fails in call
        return subprocess.CompletedProcess(command, int(failed), "", "no ensurepip")

    def called(self, word: str) -> int:
        return sum(word in call for call in self.calls)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    for name in ("local.txt", "dev.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "node").mkdir()
    (tmp_path / "node/package-lock.json").write_text("{}")
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "PYTHON", tmp_path / ".venv/bin/python")
    monkeypatch.setattr(setup, "NODE_FOLDER", tmp_path / "node")
    locks = {"run": tmp_path / "local.txt", "dev": tmp_path / "dev.txt"}
    monkeypatch.setattr(setup, "_LOCKS", locks)
    monkeypatch.setattr(setup, "find_node", lambda _: Path("/opt/node/bin/node"))
    monkeypatch.setattr(setup, "npm_command", lambda _: ["npm"])
    monkeypatch.setattr(subprocess, "run", made.run)
    return made


def test_nothing_is_done_twice(machine: Machine) -> None:
    setup.set_up("run")
    assert machine.called("-m venv") == 1
    assert machine.called("--require-hashes -r") == 1
    assert machine.called("npm ci") == 1
    machine.calls.clear()
    setup.set_up("run")
    assert machine.calls == []


def test_a_changed_lock_file_is_installed(machine: Machine) -> None:
    setup.set_up("run")
    machine.calls.clear()
    (machine.root / "local.txt").write_text("another version")
    setup.set_up("run")
    assert machine.called("local.txt") == len(machine.calls) == 1


def test_what_tests_need_holds_what_running_needs(machine: Machine) -> None:
    setup.set_up("dev")
    machine.calls.clear()
    setup.set_up("run")
    assert machine.calls == []


def test_a_failed_installation_is_tried_again(machine: Machine) -> None:
    machine.fails = "local.txt"
    for _ in range(2):
        with pytest.raises(setup.SetupError, match="Python packages could not be installed"):
            setup.set_up("run")
    assert machine.called("local.txt") == 2


def test_a_python_without_venv_is_explained(machine: Machine) -> None:
    machine.fails = "-m venv"
    with pytest.raises(setup.SetupError, match="python3-venv"):
        setup.set_up("run")


def test_an_old_python_is_refused_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", ROOT / "deploy" / "local" / "setup.sh", "run"],
        env=os.environ | {"PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; here is: Python 3.9.2" in done.stderr
