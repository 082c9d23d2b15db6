"""`python -m deploy.local COMMAND`: what `make run`, `stop`, `status`, `logs` and `env` call."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.database.names import SERVICES
from deploy.local import control
from deploy.local.credentials import load_credentials
from deploy.local.environment import Installation, service_environment
from deploy.local.home import ROOT, Home, find_home
from deploy.local.outside import outside_values, welcome
from deploy.local.pids import PidFile
from deploy.local.plan import Plan
from deploy.local.ports import PortError, Ports, choose_ports, load_ports
from deploy.local.postgres import PostgresError
from deploy.local.probes import Running
from deploy.local.processes import make_plan, prepare_files
from deploy.local.programs import ProgramMissingError
from deploy.local.supervisor import Supervisor
from deploy.local.terminal import say, show
from deploy.local.watched import rotate

_SUPERVISOR_LOG = "supervisor"


def _installation(home: Home, ports: Ports | None = None) -> Installation:
    home.prepare()
    return Installation(
        home, ports or load_ports(home, os.environ), load_credentials(home), os.environ
    )


def run(home: Home, _name: str) -> int:
    """Start everything and stay in the foreground; says so when it runs already."""
    try:
        with control.only_supervisor(home):
            return _run(home)
    except control.AlreadyRunningError:
        return _say_running(home)


def _run(home: Home) -> int:
    left = PidFile(home.run / "processes.json").clear_leftovers()
    if left:
        say("cleaning up", f"ended {left} processes of a start that was killed", "warn")
    try:
        ports = choose_ports(home, os.environ)
        for note in ports.notes:
            say("ports", note, "warn")
        place = _installation(home, ports)
        say("starting", f"{ports.public_url}, logs in {home.logs}")
        prepare_files(place)
        plan = make_plan(place)
    except (PortError, PostgresError, ProgramMissingError) as error:
        say("failed", str(error), "bad")
        return 1
    return Supervisor(plan, home, lambda: welcome(place)).run()


def _say_running(home: Home) -> int:
    say("running already", f"state: {control.state(home)}")
    show(welcome(_installation(home)))
    return 0


def start(home: Home, _name: str) -> int:
    """Start everything in the background; returns when it is ready or has failed."""
    if control.is_running(home):
        return _say_running(home)
    home.prepare()
    log = home.log(_SUPERVISOR_LOG)
    rotate(log)
    with log.open("ab") as output:
        begin = output.tell()
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with log.open(errors="replace") as lines:
        lines.seek(begin)
        while True:
            ended = supervisor.poll() is not None
            mine = control.read_status(home).get("pid") == supervisor.pid
            up = mine and control.read_status(home).get("state") == "ready"
            time.sleep(0.1)
            show(lines.read(), end="")
            if up or ended:
                return 0 if up else 1


def stop(home: Home, _name: str) -> int:
    """Stop everything; also what a killed supervisor has left behind."""
    if not control.is_running(home):
        left = PidFile(home.run / "processes.json").clear_leftovers() if home.run.exists() else 0
        say("stopped", f"{left} processes were left over" if left else "it does not run")
        return 0
    if not control.stop(home):
        say("failed", f"it does not stop, see {home.log(_SUPERVISOR_LOG)}", "bad")
        return 1
    say("stopped", "everything has ended", "ok")
    return 0


def status(home: Home, _name: str) -> int:
    """Show every process; exit code 0 when all of them are ready at this moment."""
    if not control.is_running(home):
        say("stopped", "it does not run; `make run` starts it")
        return 1
    plan = make_plan(_installation(home))
    show(f"{control.state(home)}: {_installation(home).ports.public_url}")
    rows = [_status_row(fact, plan) for fact in control.read_processes(home)]
    for row in rows:
        show("  ".join(f"{cell:<{width}}" for cell, width in zip(row, _WIDTHS, strict=True)))
    return 0 if all(row[1] == "ready" for row in rows) else 1


_WIDTHS = (22, 9, 8, 13, 26, 1)


def _status_row(fact: Mapping[str, object], plan: Plan) -> tuple[str, ...]:
    now = str(fact["state"])
    pid, log = int(str(fact["pid"])), Path(str(fact["log"]))
    process = next(item for item in plan.processes if item.name == fact["name"])
    if now == "ready" and not process.ready(Running(pid, log, 0)):
        now = "not well"
    restarts = f"{fact['restarts']} restarts"
    return (process.name, now, str(pid or "-"), restarts, process.address or "-", str(log))


def logs(home: Home, name: str) -> int:
    """Follow the log of one process, or all of them."""
    files = [home.log(name)] if name else sorted(home.logs.glob("*.log"))
    tail = shutil.which("tail")
    if tail is None or not files or not files[0].exists():
        say("failed", f"no log {home.log(name or '*')}", "bad")
        return 1
    return subprocess.run([tail, "-n", "20", "-F", *map(str, files)], check=False).returncode


def restart(home: Home, name: str) -> int:
    """Restart one process of a running platform."""
    if control.restart(home, name):
        return 0
    names = ", ".join(str(process["name"]) for process in control.read_processes(home))
    say("failed", f"no running process {name!r}; there are: {names or 'none'}", "bad")
    return 1


def env(home: Home, _name: str) -> int:
    """Print KEY=value lines for programs outside the platform."""
    for key, value in outside_values(_installation(home)).items():
        show(f"{key}={value}")
    return 0


def clean(home: Home, _name: str) -> int:
    """Delete the platform's folder; refuses while it runs."""
    if control.is_running(home):
        say("failed", "it runs; `make stop` first", "bad")
        return 1
    if (home.path / "secrets.json").exists():  # so that no other folder is ever deleted
        shutil.rmtree(home.path)
    return 0


def do(home: Home, service: str, arguments: list[str]) -> int:
    """Run a command of a service with this platform's settings, such as the bank's next day."""
    if service not in SERVICES or not arguments:
        say("failed", f"say which service ({', '.join(SERVICES)}) and which command", "bad")
        return 1
    environment = service_environment(service, _installation(home))
    command = [sys.executable, "-m", service, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


_COMMANDS: Mapping[str, Callable[[Home, str], int]] = {
    "run": run,
    "start": start,
    "stop": stop,
    "status": status,
    "logs": logs,
    "restart": restart,
    "env": env,
    "clean": clean,
}


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local")
    parser.add_argument("command", choices=[*_COMMANDS, "do"])
    parser.add_argument("name", nargs="?", default="", help="a process, or for `do` a service")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="for `do`: the service's command")
    given = parser.parse_args()
    try:
        if given.command == "do":
            return do(find_home(), given.name, given.rest)
        return _COMMANDS[given.command](find_home(), given.name)
    except PortError as error:
        say("failed", str(error), "bad")
    except KeyboardInterrupt:
        pass
    return 1


if __name__ == "__main__":
    sys.exit(main())
