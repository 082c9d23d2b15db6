"""An auditor's pack: every file is the one that its manifest names, and its ledger is proved."""

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from payments.ledger.verifier.checks import verify
from payments.ledger.verifier.merkle import BrokenError

_CHUNK = 1024 * 1024
MANIFEST = "manifest.json"


def check_pack(
    pack: Path,
    manifest_sha256: str = "",
    *,
    key: bytes | None = None,
    kept: Sequence[str] = (),
    processes: int = 0,
) -> dict[str, object]:
    """Check a pack, as its ZIP file or unpacked; returns what was proved.

    Raises:
        BrokenError: names the first file that is not what the manifest says, or what the ledger's
            verifier found.
    """
    if not pack.is_file():
        return _check_folder(pack, manifest_sha256, key, kept, processes)
    with tempfile.TemporaryDirectory(prefix="pack-") as name:
        try:
            with zipfile.ZipFile(pack) as archive:
                archive.extractall(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise BrokenError(f"{pack.name}: {error}") from error
        return _check_folder(Path(name), manifest_sha256, key, kept, processes)


def _check_folder(
    folder: Path,
    manifest_sha256: str,
    key: bytes | None,
    kept: Sequence[str],
    processes: int,
) -> dict[str, object]:
    content = (folder / MANIFEST).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if manifest_sha256 and manifest_sha256.strip().lower() != found:
        raise BrokenError(f"{MANIFEST}: its SHA-256 is {found}")
    listed = {str(one["name"]): str(one["sha256"]) for one in json.loads(content)["files"]}
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    } - {MANIFEST}
    if differing := sorted(there ^ set(listed)):
        raise BrokenError(f"{differing[0]}: it is missing, or not of this pack")
    for name in sorted(listed):
        if _sha256(folder / name) != listed[name]:
            raise BrokenError(f"{name}: it is not what the manifest says")
    proved = verify(folder / "ledger", key=key, kept=kept, processes=processes)
    return {"files": len(listed), "manifest_sha256": found, **proved}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
