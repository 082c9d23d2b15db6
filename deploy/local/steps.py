"""What is done once before the processes start, and remembered so that it is not done again."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.children import log_tail, start_child, stop_child
from deploy.local.home import Home, read_json, write_json
from deploy.local.pids import PidFile
from deploy.local.plan import Step
from deploy.local.terminal import say

_WORTH_SAYING_SECONDS = 1.0


class StepError(Exception):
    """A step ended with an error; says which and its last words."""


@dataclass
class Steps:
    """Runs the steps of a plan, those that wait for nothing at the same time."""

    home: Home
    pids: PidFile
    done: set[str] = field(default_factory=set)
    _running: dict[str, tuple[Step, subprocess.Popen[bytes], float]] = field(default_factory=dict)

    def begin(self, step: Step) -> None:
        """Start a step, or count it as done when its mark is the remembered one.

        Raises:
            StepError: its program cannot be executed.
        """
        known = step.mark and self._marks().get(step.name) == step.mark
        if known and all(path.exists() for path in step.makes):
            self.done.add(step.name)
            return
        try:
            child = start_child(
                step.command,
                log=self.home.log(step.name),
                environment=dict(step.environment) | self.pids.marker,
                answer=step.output,
            )
        except OSError as error:
            raise StepError(f"{step.name} cannot start: {error}") from error
        self.pids.add(child.pid)
        self._running[step.name] = (step, child, time.monotonic())

    def collect(self) -> None:
        """Note the steps that have ended.

        Raises:
            StepError: one of them failed.
        """
        for name, (step, child, began) in list(self._running.items()):
            if child.poll() is None:
                continue
            del self._running[name]
            self.pids.remove(child.pid)
            if child.returncode != 0:
                log = self.home.log(name)
                raise StepError(
                    f"{name} failed (exit code {child.returncode}): {log_tail(log, 1)} - see {log}"
                )
            self.done.add(name)
            if step.mark:
                write_json(self._path, self._marks() | {name: step.mark})
            seconds = time.monotonic() - began
            if seconds > _WORTH_SAYING_SECONDS:
                say(name, f"done in {seconds:.1f} s")

    def has_begun(self, name: str) -> bool:
        """Tell whether a step runs or is done."""
        return name in self.done or name in self._running

    def stop(self) -> None:
        """End the steps that still run."""
        for _, child, _ in self._running.values():
            stop_child(child, timeout_seconds=5)
            self.pids.remove(child.pid)
        self._running.clear()

    def _marks(self) -> dict[str, object]:
        return read_json(self._path)

    @property
    def _path(self) -> Path:
        return self.home.run / "steps.json"
