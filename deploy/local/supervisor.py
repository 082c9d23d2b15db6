"""Starts a plan in order, watches it, starts again what dies, and stops all of it cleanly.

One thread and one loop: a signal or a child's end wakes it, and while something is starting it
looks ten times a second.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

from deploy.local.children import log_tail, signal_group
from deploy.local.control import RESTART_PREFIX
from deploy.local.home import Home, write_json
from deploy.local.pids import PidFile, process_mark
from deploy.local.plan import Plan
from deploy.local.probes import answers
from deploy.local.steps import StepError, Steps
from deploy.local.terminal import say, show
from deploy.local.watched import State, Watched

_TICK_SECONDS = 0.1
_REST_SECONDS = 60.0
_FRONT_TIMEOUT_SECONDS = 60.0
_DEATHS_ALLOWED = 3  # of a process that has never been ready, before the start is given up


class StartError(Exception):
    """The platform cannot come up; one line for the person."""


class Supervisor:
    """Runs one plan until it is told to stop or the start fails."""

    def __init__(self, plan: Plan, home: Home, welcome: Callable[[], str]) -> None:
        self._plan = plan
        self._home = home
        self._welcome = welcome
        self._pids = PidFile(home.run / "processes.json")
        self._steps = Steps(home, self._pids)
        self._watched = {
            process.name: Watched(process, home.log(process.name), self._pids.marker)
            for process in plan.processes
        }
        self._ready_once = False
        self._all_up_at = 0.0
        self._stops = 0
        self._state = "starting"
        self._wake, self._waker = socket.socketpair()

    def run(self) -> int:
        """Run to the end; returns 0 after an ordinary stop and 1 after a failed start."""
        self._install_signals()
        began = time.monotonic()
        self._tell_status("starting")
        try:
            while not self._stops:
                self._turn(began)
                self._sleep()
        except (StartError, StepError) as error:
            self._stop_all("failed")
            say("failed", str(error), "bad")
            self._tell_status("failed", str(error))
            return 1
        say("stopping", "one moment")
        self._stop_all("stopping")
        self._tell_status("stopped")
        say("stopped", "everything has ended", "ok")
        return 0

    def _turn(self, began: float) -> None:
        changed = self._collect()
        changed |= self._start_what_can_start()
        for watched in self._watched.values():
            if watched.check_ready():
                seconds = time.monotonic() - watched.started_at
                again = " again" if watched.restarts else ""
                say(watched.name, f"ready{again} after {seconds:.1f} s", "ok")
                changed = True
            elif watched.is_late():
                self._give_up_on(watched, "is not ready in time")
        if not self._ready_once and self._all_up() and self._front_door_open():
            self._ready_once = True
            self._state = "ready"
            changed = True
            say("ready", f"after {time.monotonic() - began:.1f} s", "ok")
            self._tell_status("ready")
            show(self._welcome())
        if changed:
            self._tell_status(self._state)

    def _collect(self) -> bool:
        self._steps.collect()
        changed = False
        for watched in self._watched.values():
            pid = watched.pid
            if not watched.check_ended():
                continue
            changed = True
            self._pids.remove(pid)
            say(watched.name, f"ended ({watched.last_end}), see {watched.log}", "warn")
            if not self._ready_once and watched.deaths_before_ready >= _DEATHS_ALLOWED:
                self._give_up_on(watched, f"ends again and again ({watched.last_end})")
        return changed

    def _give_up_on(self, watched: Watched, why: str) -> None:
        if self._ready_once:
            say(watched.name, f"{why}; starting it again, see {watched.log}", "bad")
            watched.restart_soon()
            return
        raise StartError(f"{watched.name} {why}: {log_tail(watched.log, 1)} - see {watched.log}")

    def _start_what_can_start(self) -> bool:
        changed = False
        for step in self._plan.steps:
            if not self._steps.has_begun(step.name) and self._has_all(step.needs):
                self._steps.begin(step)
        now = time.monotonic()
        for watched in self._watched.values():
            first = watched.state is State.WAITING and self._has_all(watched.process.needs)
            again = watched.state is State.PAUSED and now >= watched.due_at
            if not first and not again:
                continue
            try:
                watched.start()
            except OSError as error:
                raise StartError(f"{watched.name} cannot start: {error}") from error
            watched.restarts += again
            self._pids.add(watched.pid)
            changed = True
        return changed

    def _has_all(self, needs: tuple[str, ...]) -> bool:
        return all(
            self._watched[need].state is State.READY
            if need in self._watched
            else need in self._steps.done
            for need in needs
        )

    def _all_up(self) -> bool:
        up = all(watched.state is State.READY for watched in self._watched.values())
        return up and all(step.name in self._steps.done for step in self._plan.steps)

    def _front_door_open(self) -> bool:
        self._all_up_at = self._all_up_at or time.monotonic()
        closed = [
            path for path in self._plan.front_paths if not answers(self._plan.front_port, path)
        ]
        if closed and time.monotonic() > self._all_up_at + _FRONT_TIMEOUT_SECONDS:
            raise StartError(
                f"http://localhost:{self._plan.front_port}{closed[0]} does not answer though every "
                f"process is ready - see {self._home.log('envoy')}"
            )
        return not closed

    def _sleep(self) -> None:
        restless = not self._ready_once or any(
            watched.state is not State.READY for watched in self._watched.values()
        )
        readable, _, _ = select.select(
            [self._wake], [], [], _TICK_SECONDS if restless else _REST_SECONDS
        )
        if readable:
            self._wake.recv(4096)

    def _stop_all(self, state: str) -> None:
        self._tell_status(state)
        self._steps.stop()
        for wave in self._plan.stop_waves():
            alive = [self._watched[process.name] for process in wave]
            for watched in alive:
                if watched.child is not None and watched.child.poll() is None:
                    watched.child.send_signal(watched.process.stop_signal)
            for watched in alive:
                self._await_end(watched)

    def _await_end(self, watched: Watched) -> None:
        if (child := watched.child) is None:
            return
        end = time.monotonic() + watched.process.stop_timeout_seconds
        asked = self._stops
        while child.poll() is None:
            # A second Ctrl-C means: now.
            if time.monotonic() > end or self._stops > max(asked, 1):
                say(watched.name, "does not stop by itself; killed", "warn")
                signal_group(child, signal.SIGKILL)
                child.wait()
                break
            time.sleep(0.02)
        signal_group(child, signal.SIGKILL)
        self._pids.remove(child.pid)
        watched.child = None
        watched.state = State.STOPPED

    def _install_signals(self) -> None:
        for end in (self._wake, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGUSR1, self._on_request)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def _on_request(self, _number: int, _frame: FrameType | None) -> None:
        for path in self._home.run.glob(f"{RESTART_PREFIX}*"):
            path.unlink(missing_ok=True)
            name = path.name.removeprefix(RESTART_PREFIX)
            if name in self._watched:
                say(name, "restart was asked for")
                self._watched[name].restart_soon()

    def _tell_status(self, state: str, message: str = "") -> None:
        self._state = state
        write_json(
            self._home.run / "status.json",
            {
                "state": state,
                "message": message,
                "pid": os.getpid(),
                "mark": process_mark(os.getpid()),
                "processes": [watched.facts() for watched in self._watched.values()],
            },
        )
