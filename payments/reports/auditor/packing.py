"""Writes an auditor's pack: files on disk and rows in batches, never a whole table in memory."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import IO, Self
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.seal.export import export_ledger, write_verifier
from payments.ledger.verifier.checks import verify
from payments.ledger.verifier.merkle import BrokenError
from payments.ledger.verifier.proofs import prove
from payments.payees.csv_files import write_row
from payments.reports.audit.queries import LogLine, id_at, list_log_after, log_values
from payments.reports.audit.rules import instants_of
from payments.reports.auditor.rules import FORMAT, PROOFS, read_me
from payments.reports.auditor.sheets import list_more_sheets
from payments.reports.month_end.pack import csv_line, zip_info
from payments.reports.month_end.queries import Sheet, list_sheets
from payments.reports.prompt_payment.rules import Division

_BATCH = 2_000
_CHUNK = 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_DRAWN = text(
    """
    SELECT e.event_id FROM entry e
     WHERE e.body = :body AND e.effective_on BETWEEN :first AND :last
       AND e.id NOT IN (SELECT u.entry_id FROM unsealed_entries(:body) u)
     ORDER BY sha256(convert_to(e.id::text, 'UTF8')) LIMIT :size
    """
)


@dataclass(frozen=True)
class PackPlan:
    """Which pack to make; ``public_key`` is that of the checkpoints, where there is one."""

    body: str
    first: date
    last: date
    calendar: Division
    public_key: bytes | None = None


@dataclass(frozen=True)
class Packed:
    """What was written: hashes in hex; ``problem`` says what the verifier found, empty for none."""

    sha256: str
    manifest_sha256: str
    size: int
    problem: str


def write_auditor_pack(
    session: Session, plan: PackPlan, target: IO[bytes], tell: Callable[[str], None]
) -> Packed:
    """Write a pack of one state of the database; the same facts make the same bytes.

    The session must be at isolation level repeatable read. ``target`` is empty and can be read
    back. ``tell`` hears the name of each of ``STEPS`` before it begins, but for the last.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    with TemporaryDirectory(prefix="auditor-pack-") as name, _Pack(target) as pack:
        folder = Path(name)
        tell("ledger")
        export_ledger(session, plan.body, folder / "ledger")
        session.execute(text("SET LOCAL enable_nestloop = on"))  # the export had no use for them
        write_verifier(folder / "verifier.pyz")
        has_key = plan.public_key is not None
        pack.add(
            "README.txt", [read_me(plan.body, plan.first, plan.last, has_key=has_key).encode()]
        )
        if plan.public_key is not None:
            pack.add("key.txt", [base64.b64encode(plan.public_key)])
        pack.add("verifier.pyz", _pieces(folder / "verifier.pyz"))
        for path in sorted((folder / "ledger").iterdir()):
            pack.add(f"ledger/{path.name}", _pieces(path))
        tell("proofs")
        for number, proof in enumerate(_proofs(session, plan, folder / "ledger"), 1):
            pack.add(f"proofs/{number:02d}.json", [proof])
        tell("tables")
        days = (plan.body, plan.first, plan.last)
        for sheets in (
            list_sheets(session, *days, plan.calendar),
            list_more_sheets(session, *days),
        ):
            for sheet in sheets:
                pack.add_sheet(sheet)
        tell("audit")
        pack.add_log(_log(session, plan))
        tell("check")
        problem = _problem(folder / "ledger")
        manifest = pack.finish(plan)
    target.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := target.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    target.seek(0)
    return Packed(digest.hexdigest(), manifest, size, problem)


class _Pack:
    """A ZIP that is written once from its beginning to its end, with the hash of each file."""

    def __init__(self, target: IO[bytes]) -> None:
        self._archive = ZipFile(target, "w", ZIP_DEFLATED, compresslevel=6)
        self._files: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a file."""
        digest, size = hashlib.sha256(), 0
        with self._archive.open(zip_info(name), "w", force_zip64=True) as member:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                member.write(piece)
        self._files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def add_sheet(self, sheet: Sheet) -> None:
        """Write a table as CSV and as JSON, in one pass over its rows."""
        with SpooledTemporaryFile(_IN_MEMORY) as as_json:

            def lines() -> Iterator[bytes]:
                yield csv_line(sheet.head).encode()
                as_json.write(b"[")
                for count, row in enumerate(sheet.rows):
                    members = dict(zip(sheet.head, row, strict=True))
                    as_json.write(b",\n" if count else b"\n")
                    as_json.write(json.dumps(members, ensure_ascii=False).encode())
                    yield csv_line(row).encode()
                as_json.write(b"\n]\n")

            self.add(f"tables/{sheet.name}.csv", lines())
            self._add_copy(f"tables/{sheet.name}.json", as_json)

    def add_log(self, batches: Iterable[list[LogLine]]) -> None:
        """Write the audit log as JSON Lines and as CSV, in one pass over it."""
        head = tuple(LogLine.__dataclass_fields__)
        with SpooledTemporaryFile(_IN_MEMORY) as as_csv:
            as_csv.write(write_row(head).encode())

            def lines() -> Iterator[bytes]:
                for batch in batches:
                    for line in batch:
                        values = log_values(line)
                        cells = values | {"details": _json(values["details"])}
                        as_csv.write(write_row([cells[name] for name in head]).encode())
                        yield f"{_json(values)}\n".encode()

            self.add("audit/log.jsonl", lines())
            self._add_copy("audit/log.csv", as_csv)

    def finish(self, plan: PackPlan) -> str:
        """Write the manifest; returns its SHA-256."""
        facts = {
            "format": FORMAT,
            "body": plan.body,
            "first_day": plan.first.isoformat(),
            "last_day": plan.last.isoformat(),
            "files": self._files,
        }
        content = json.dumps(facts, indent=1, sort_keys=True).encode()
        self._archive.writestr(zip_info("manifest.json"), content)
        return hashlib.sha256(content).hexdigest()

    def _add_copy(self, name: str, source: IO[bytes]) -> None:
        source.seek(0)
        self.add(name, iter(lambda: source.read(_CHUNK), b""))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _proofs(session: Session, plan: PackPlan, ledger: Path) -> Iterator[bytes]:
    values = {"body": plan.body, "first": plan.first, "last": plan.last, "size": PROOFS}
    for event in session.execute(_DRAWN, values).scalars().all():
        try:
            proof = prove(ledger, str(event))
        except BrokenError:
            # Its line was changed, so that it is not found; the check of the whole says where.
            continue
        yield json.dumps(proof, indent=1).encode()


def _log(session: Session, plan: PackPlan) -> Iterator[list[LogLine]]:
    since, until = instants_of(plan.first, plan.last)
    after, before = id_at(since), id_at(until)
    while True:
        lines = list_log_after(session, plan.body, after, before, _BATCH)
        if lines:
            yield lines
            after = lines[-1].id
        if len(lines) < _BATCH:
            return


def _problem(ledger: Path) -> str:
    """Return what the verifier finds, as whoever gets the pack will see it."""
    try:
        verify(ledger, processes=1)  # a worker's process has no children of its own
    except (BrokenError, ValueError, KeyError) as error:
        return str(error)[:500]
    return ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
