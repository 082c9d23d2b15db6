"""Addresses of the design system's files, which set-up collects into one folder."""

import json
from functools import lru_cache
from pathlib import Path

_directory: Path | None = None


def use_assets(directory: Path | None) -> None:
    """Name the folder that holds the collected files and their ``manifest.json``."""
    global _directory  # noqa: PLW0603 - one folder per process, set at start
    _directory = directory
    _manifest.cache_clear()


@lru_cache(maxsize=1)
def _manifest() -> dict[str, str]:
    if _directory is None or not (_directory / "manifest.json").exists():
        return {}
    names: dict[str, str] = json.loads((_directory / "manifest.json").read_text())
    return names


def asset_url(path: str) -> str:
    """Return the address of a collected file, with its versioned name where there is one."""
    return f"/assets/{_manifest().get(path, path)}"
