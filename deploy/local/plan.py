"""The shape of what the supervisor runs: processes that stay, steps that end, and their order."""

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.home import ROOT
from deploy.local.probes import Probe


@dataclass(frozen=True)
class Process:
    """A program that stays; started again when it ends."""

    name: str
    command: tuple[str, ...]
    ready: Probe
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 15
    start_timeout_seconds: float = 90
    address: str = ""


@dataclass(frozen=True)
class Step:
    """A program that does something once and ends; skipped while its ``mark`` is the old one.

    An empty mark means that it runs at every start. ``output`` keeps what it printed;
    a missing file of those it ``makes`` has it run again whatever its mark.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    output: Path | None = None
    makes: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything to run, and the paths that must answer at the front door at the end."""

    processes: tuple[Process, ...]
    steps: tuple[Step, ...] = ()
    front_port: int = 0
    front_paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a need that nothing fulfils, and needs that wait for each other."""
        needs = self._needs()
        done: set[str] = set()
        while len(done) < len(needs):
            ready = {
                name for name, wanted in needs.items() if name not in done and done >= set(wanted)
            }
            if not ready:
                raise ValueError(f"needs that cannot be met: {sorted(set(needs) - done)}")
            done |= ready

    def stop_waves(self) -> list[list[Process]]:
        """Return the processes in groups to stop one after the other, each before its needs."""
        waiting = {process.name: process for process in self.processes}
        waves: list[list[Process]] = []
        while waiting:
            needed = {need for process in waiting.values() for need in self._reach(process.needs)}
            waves.append([process for name, process in waiting.items() if name not in needed])
            for process in waves[-1]:
                del waiting[process.name]
        return waves

    def _needs(self) -> dict[str, tuple[str, ...]]:
        steps = {step.name: step.needs for step in self.steps}
        return steps | {process.name: process.needs for process in self.processes}

    def _reach(self, names: Iterable[str]) -> set[str]:
        """Return these names and all that they need, through steps as well."""
        needs = self._needs()
        found: set[str] = set()
        todo = list(names)
        while todo:
            if (name := todo.pop()) not in found:
                found.add(name)
                todo += needs[name]
        return found
