"""The one folder that a running platform writes to, and how files in it are written."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """Paths below the platform's folder; nothing is created before it is asked for."""

    path: Path

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        """Private keys of the platform's clients and the services' key-encryption keys."""
        return self.path / "keys"

    @property
    def run(self) -> Path:
        """What the supervisor remembers: process ids, state, steps that are done."""
        return self.path / "run"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only file."""
        return self.path / "valkey"

    @property
    def envoy(self) -> Path:
        """What Envoy reads: bootstrap, routes and clusters."""
        return self.path / "envoy"

    @property
    def assets(self) -> Path:
        """Style sheets, scripts, images and fonts that the gateway serves."""
        return self.path / "assets"

    @property
    def simulators(self) -> Path:
        """Durable truth of the outside parties' stand-ins."""
        return self.path / "simulators"

    def log(self, name: str) -> Path:
        """Return the log file of a process or step."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Create the folder and those in it; others of the machine may pass but not look."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for folder in (self.logs, self.keys, self.run, self.valkey, self.simulators):
            folder.mkdir(exist_ok=True, mode=0o700)


def find_home(environ: Mapping[str, str] = os.environ) -> Home:
    """Return the folder named by ``CLACHAN_HOME``, else ``.clachan`` beside the code."""
    named = environ.get("CLACHAN_HOME", "")
    return Home(Path(named).expanduser().absolute() if named else ROOT / ".clachan")


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)


def read_json(path: Path) -> dict[str, object]:
    """Return the object a JSON file holds, or an empty one where there is no such file."""
    try:
        return cast("dict[str, object]", json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write an object as a private JSON file."""
    write_private(path, json.dumps(content, indent=2) + "\n")
