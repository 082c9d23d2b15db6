"""The pack as one file, the same to the byte whenever it is made of the same facts."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from payments.payees.csv_files import escape_cell
from payments.reports.month_end.queries import Sheet

# A file in a ZIP has a time; one that never changes keeps the bytes the same.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_IN_MEMORY = 4 * 1024 * 1024
_CHUNK = 256 * 1024
_UNIX = 3


def write_pack(target: IO[bytes], sheets: Iterable[Sheet], facts: dict[str, str]) -> str:
    """Write every sheet as CSV and JSON, then the manifest; returns the manifest's SHA-256.

    Rows go through in batches: memory does not grow with them.
    """
    files: list[dict[str, object]] = []
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=6) as archive:
        for sheet in sheets:
            with SpooledTemporaryFile(_IN_MEMORY) as as_json:
                files.append(_write_csv(archive, sheet, as_json))
                files.append(_copy(archive, f"{sheet.name}.json", as_json, files[-1]["rows"]))
        manifest = json.dumps({**facts, "files": files}, indent=2, sort_keys=True).encode()
        archive.writestr(zip_info("manifest.json"), manifest)
    return hashlib.sha256(manifest).hexdigest()


def _write_csv(archive: ZipFile, sheet: Sheet, as_json: IO[bytes]) -> dict[str, object]:
    """Write a sheet as CSV, and as JSON into a file beside it, in one pass over its rows."""
    name, digest, count = f"{sheet.name}.csv", hashlib.sha256(), 0
    with archive.open(zip_info(name), "w", force_zip64=True) as member:

        def put(text: str) -> None:
            raw = text.encode()
            digest.update(raw)
            member.write(raw)

        put(csv_line(sheet.head))
        as_json.write(b"[")
        for row in sheet.rows:
            put(csv_line(row))
            members = dict(zip(sheet.head, row, strict=True))
            as_json.write(b",\n" if count else b"\n")
            as_json.write(json.dumps(members, ensure_ascii=False).encode())
            count += 1
        as_json.write(b"\n]\n")
    return {"name": name, "sha256": digest.hexdigest(), "rows": count}


def csv_line(cells: Iterable[object]) -> str:
    """Return a line of CSV; texts are disarmed, and numbers stay numbers."""
    written = io.StringIO()
    csv.writer(written).writerow(
        escape_cell(cell) if isinstance(cell, str) else "" if cell is None else cell
        for cell in cells
    )
    return written.getvalue()


def _copy(archive: ZipFile, name: str, source: IO[bytes], rows: object) -> dict[str, object]:
    source.seek(0)
    digest = hashlib.sha256()
    with archive.open(zip_info(name), "w", force_zip64=True) as member:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            member.write(chunk)
    return {"name": name, "sha256": digest.hexdigest(), "rows": rows}


def zip_info(name: str) -> ZipInfo:
    """Return the header of a file in a ZIP that is the same whenever and wherever it is made."""
    info = ZipInfo(name, _LONG_AGO)
    info.compress_type = ZIP_DEFLATED
    info.create_system = _UNIX
    info.external_attr = _MODE
    return info
