"""Puts the style sheets, scripts, fonts and pictures of the pages into one versioned folder.

The folder is named after the digest of all it holds, so that its files may be cached for ever and
the relative addresses inside style sheets and scripts stay as they are. `manifest.json` beside it
tells the pages which folder is the newest.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
OWN = REPOSITORY / "shared" / "web" / "assets"
PACKAGES = REPOSITORY / "deploy" / "node" / "node_modules"
MANIFEST = "manifest.json"

_DESIGN_SYSTEM = Path("@scottish-government") / "design-system"
_ROBOTO = Path("@fontsource") / "roboto"
_FROM_PACKAGES = {
    "design-system/design-system.min.css": _DESIGN_SYSTEM / "dist/css/design-system.min.css",
    "design-system/design-system.js": _DESIGN_SYSTEM / "dist/scripts/design-system.js",
    "design-system/icons.stack.svg": _DESIGN_SYSTEM / "dist/images/icons/icons.stack.svg",
    "design-system/LICENSE.txt": _DESIGN_SYSTEM / "LICENSE.txt",
    "fonts/LICENSE.txt": _ROBOTO / "LICENSE",
} | {
    f"fonts/roboto-{subset}-{weight}-normal.woff2": (
        _ROBOTO / "files" / f"roboto-{subset}-{weight}-normal.woff2"
    )
    for subset in ("latin", "latin-ext")
    for weight in (400, 500, 700)
}


class AssetsMissingError(Exception):
    """A file of a package is not there; the message says which and what to run."""


def sources() -> dict[str, Path]:
    """Return where each asset comes from, by its name in a page; refuses a missing package."""
    found = {
        path.relative_to(OWN).as_posix(): path for path in sorted(OWN.rglob("*")) if path.is_file()
    } | {name: PACKAGES / path for name, path in _FROM_PACKAGES.items()}
    for path in found.values():
        if not path.is_file():
            message = f"{path} is missing: run `npm ci` in {PACKAGES.parent}"
            raise AssetsMissingError(message)
    return dict(sorted(found.items()))


def collect(target: Path) -> dict[str, str]:
    """Copy the assets below `target` and return each one's path there; safe to run twice.

    Older versions stay, for pages that were sent before. Refuses when a package is not installed.
    """
    found = sources()
    digest = hashlib.sha256()
    for name, path in found.items():
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    version = digest.hexdigest()[:16]
    target.mkdir(parents=True, exist_ok=True)
    if not (target / version).is_dir():
        _copy(found, target, version)
    manifest = {name: f"{version}/{name}" for name in found}
    part = target / f"{MANIFEST}.part"
    part.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    part.replace(target / MANIFEST)
    return manifest


def _copy(found: dict[str, Path], target: Path, version: str) -> None:
    """Fill the version's folder under another name first, so that it is never seen half full."""
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        part = Path(scratch) / version
        for name, path in found.items():
            copy = part / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        part.rename(target / version)


if __name__ == "__main__":
    print(f"{len(collect(Path(sys.argv[1])))} assets in {sys.argv[1]}")
