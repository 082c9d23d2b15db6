import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import control
from deploy.local.home import ROOT, Home
from deploy.local.pids import process_mark

STAYS = "import time; print('ready', flush=True); time.sleep(600)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True); time.sleep(600)"
)
WITH_CHILD = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('ready', child.pid, flush=True); time.sleep(600)"
)


class Platform:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.started: list[subprocess.Popen[str]] = []

    def start(self, processes: dict[str, object], steps: tuple[object, ...] = ()) -> None:
        plan = self.folder / "plan.json"
        rows = [
            {"name": name} | (row if isinstance(row, dict) else {"program": row})
            for name, row in processes.items()
        ]
        plan.write_text(json.dumps({"processes": rows, "steps": steps}))
        self.started.append(
            subprocess.Popen(
                [
                    sys.executable,
                    Path(__file__).with_name("fake_platform.py"),
                    self.home.path,
                    plan,
                ],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    @property
    def supervisor(self) -> subprocess.Popen[str]:
        return self.started[-1]

    def pid(self, name: str) -> int:
        facts = [fact for fact in control.read_processes(self.home) if fact["name"] == name]
        return int(str(facts[0]["pid"])) if facts else 0

    def is_ready(self) -> bool:
        mine = control.read_status(self.home).get("pid") == self.supervisor.pid
        return mine and control.read_status(self.home).get("state") == "ready"

    def restarts(self, name: str) -> int:
        facts = [fact for fact in control.read_processes(self.home) if fact["name"] == name]
        return int(str(facts[0]["restarts"])) if facts[0]["state"] == "ready" else -1

    def log(self, name: str) -> str:
        return self.home.log(name).read_text()

    def end(self) -> str:
        self.supervisor.send_signal(signal.SIGTERM)
        return self.supervisor.communicate(timeout=30)[0]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    made = Platform(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def wait_for(what: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_starts_each_after_what_it_needs_and_stops_all(platform: Platform, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    write = f"open({str(trace)!r}, 'a').write"
    platform.start(
        {
            "front": {"program": f"{write}('front ')\n{STAYS}", "needs": ["prepare"]},
            "store": f"import time; time.sleep(0.3)\n{write}('store ')\n{STAYS}",
        },
        ({"name": "prepare", "program": f"{write}('prepare ')", "needs": ["store"]},),
    )
    wait_for(platform.is_ready)
    assert trace.read_text() == "store prepare front "
    pids = [platform.pid("front"), platform.pid("store")]
    said = platform.end()
    assert platform.supervisor.returncode == 0
    assert "WELCOME" in said
    assert not any(map(process_mark, pids))


def test_a_killed_process_comes_back_alone(platform: Platform) -> None:
    platform.start({"steady": STAYS, "victim": STAYS})
    wait_for(platform.is_ready)
    steady, victim = platform.pid("steady"), platform.pid("victim")
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: platform.restarts("victim") == 1)
    assert platform.pid("victim") not in (victim, 0)
    assert platform.pid("steady") == steady
    assert "victim                 ended (killed by signal 9)" in platform.end()


def test_restart_by_name_replaces_one_process(platform: Platform) -> None:
    platform.start({"steady": STAYS, "tired": STAYS})
    wait_for(platform.is_ready)
    before = platform.pid("tired")
    assert not control.restart(platform.home, "nobody")
    assert control.restart(platform.home, "tired")
    wait_for(lambda: platform.restarts("tired") == 1)
    assert platform.pid("tired") != before


def test_a_process_that_cannot_start_fails_the_start_in_one_line(platform: Platform) -> None:
    platform.start({"fine": STAYS, "broken": "raise SystemExit('no table of fees')"})
    said = platform.supervisor.communicate(timeout=30)[0]
    assert platform.supervisor.returncode == 1
    line = next(line for line in said.splitlines() if "failed" in line)
    assert "broken ends again and again (exit code 1): no table of fees" in line
    assert str(platform.home.log("broken")) in line
    assert "WELCOME" not in said
    assert not process_mark(platform.pid("fine"))


def test_a_failed_step_stops_everything_and_is_tried_again(platform: Platform) -> None:
    step = {"name": "seed", "program": "raise SystemExit('no such council')", "mark": "1"}
    platform.start({"fine": STAYS}, (step,))
    said = platform.supervisor.communicate(timeout=30)[0]
    assert platform.supervisor.returncode == 1
    assert "seed failed (exit code 1): no such council" in said
    platform.start({"fine": STAYS}, (step | {"program": "print('done')"},))
    wait_for(platform.is_ready)


def test_a_step_runs_once_for_each_mark(platform: Platform) -> None:
    for mark, runs in (("a", 1), ("a", 1), ("b", 2)):
        step = {"name": "migrate", "program": "print('ran')", "mark": mark}
        platform.start({"fine": STAYS}, (step,))
        wait_for(platform.is_ready)
        platform.end()
        assert platform.log("migrate").count("ran") == runs


def test_a_deaf_process_is_killed_in_the_end(platform: Platform) -> None:
    platform.start({"deaf": {"program": DEAF, "stop_timeout": 0.3}})
    wait_for(platform.is_ready)
    pid = platform.pid("deaf")
    assert "deaf                   does not stop by itself; killed" in platform.end()
    assert process_mark(pid) is None


def test_a_second_supervisor_is_refused(platform: Platform) -> None:
    platform.start({"fine": STAYS})
    wait_for(platform.is_ready)
    assert control.is_running(platform.home)
    with (
        pytest.raises(control.AlreadyRunningError),
        control.only_supervisor(platform.home),
    ):
        pass
    assert process_mark(platform.pid("fine"))


def test_nothing_outlives_a_killed_supervisor(platform: Platform) -> None:
    platform.start({"parent": WITH_CHILD})
    wait_for(platform.is_ready)
    parent = platform.pid("parent")
    child = int(platform.log("parent").split()[1])
    platform.supervisor.kill()
    platform.supervisor.communicate(timeout=10)
    wait_for(lambda: process_mark(parent) is None or sys.platform != "linux")
    platform.start({"parent": STAYS})
    wait_for(platform.is_ready)
    assert process_mark(parent) is None
    assert process_mark(child) is None


def test_a_foreign_process_with_a_remembered_id_is_left_alone(platform: Platform) -> None:
    foreign = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        platform.home.prepare()
        remembered = {str(foreign.pid): "another start of the machine/1"}
        (platform.home.run / "processes.json").write_text(json.dumps(remembered))
        platform.start({"fine": STAYS})
        wait_for(platform.is_ready)
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_a_late_process_fails_the_start(platform: Platform) -> None:
    platform.start({"slow": {"program": "import time; time.sleep(60)", "start_timeout": 0.5}})
    said = platform.supervisor.communicate(timeout=30)[0]
    assert platform.supervisor.returncode == 1
    assert "slow is not ready in time" in said
