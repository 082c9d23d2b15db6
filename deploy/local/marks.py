"""Fingerprints of what a step depends on, so that it runs again when that changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

_SKIPPED = {"__pycache__", "node_modules", "html"}


def mark_of(files: Iterable[Path], *words: str) -> str:
    """Return a fingerprint of words and of files; a folder stands for all files below it."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in files:
        for file in sorted(_files_below(path)):
            digest.update(f"\0{file}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        file
        for file in path.rglob("*")
        if file.is_file() and not _SKIPPED.intersection(file.relative_to(path).parts)
    ]
