"""Taking a file in: its bytes sealed, its totals declared, its reading asked for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.runs.queries.runs import find_body_name, find_programme
from payments.uploads import models
from payments.uploads.actions.history import note_upload
from payments.uploads.queries import Upload, find_same_bytes, load_upload
from payments.uploads.rules import (
    FORMATS,
    MAXIMUM_FILENAME,
    MAXIMUM_PENCE,
    MAXIMUM_ROWS,
    Mapping,
)
from payments.uploads.storage import measure, read_pieces, store_chunks
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.crypto import Sealer
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id, reference
from shared.outbox import enqueue

READ = "payments.uploads.read"


@dataclass(frozen=True)
class Declaration:
    """What is said about a file by whoever sends it."""

    organisation: str
    programme: str
    format: str
    filename: str
    count: int | None
    pence: int | None
    entry_on: date | None
    account_type: str = "personal"
    source: str = "page"


class SameBytes(Conflict):
    """The body has sent these bytes before; ``first`` is that upload."""

    def __init__(self, first: Upload) -> None:
        super().__init__(
            "same_file",
            "This file was uploaded before",
            detail=f"It is upload {first.reference}. Nothing was changed.",
        )
        self.first = first


def receive_upload(
    session: Session,
    sealer: Sealer,
    declaration: Declaration,
    file: BinaryIO,
    actor: Actor,
    now: datetime,
    *,
    maximum_bytes: int,
    mapping: Mapping | None = None,
) -> Upload:
    """Store a file of payments and ask for its reading; returns the upload.

    Raises:
        Invalid: a declaration that cannot be, an empty or too large file; all faults at once.
        SameBytes: the body has an upload of the same bytes that was not refused or abandoned; of
            several that come at once, one is taken.
    """
    programme_id = _check(session, declaration, now)
    sha256, size = measure(file)
    if not 0 < size <= maximum_bytes:
        limit = f"Select a file of at most {maximum_bytes // 1_000_000} MB"
        raise Invalid(FieldError("file", limit if size else "Select a file that is not empty"))
    if (first := find_same_bytes(session, declaration.organisation, sha256)) is not None:
        raise SameBytes(first)
    upload_id = new_id()
    values = {
        "id": upload_id,
        "programme_id": programme_id,
        "size": size,
        "mapping": None if mapping is None else mapping.as_json(),
        "created_at": now,
        "state_at": now,
    }
    _insert(session, declaration, actor, sha256, values)
    chunks = store_chunks(session, sealer, upload_id, read_pieces(file))
    session.execute(
        models.upload.update().where(models.upload.c.id == upload_id).values(chunks=chunks)
    )
    upload = load_upload(session, upload_id)
    note_upload(
        session,
        actor,
        upload,
        "received",
        now,
        {"file": upload.filename, "bytes": size, "sha256": sha256.hex(), "format": upload.format},
    )
    ask_for_reading(session, upload)
    return upload


def _insert(
    session: Session,
    declaration: Declaration,
    actor: Actor,
    sha256: bytes,
    values: dict[str, object],
) -> None:
    """Claim the bytes for the body; of two that come at once the second waits for the first."""
    session.execute(text("SET LOCAL lock_timeout = '25s'"))
    try:
        with session.begin_nested():
            session.execute(
                insert(models.upload).values(
                    organisation=declaration.organisation,
                    sha256=sha256,
                    reference=reference("UPL"),
                    format=declaration.format,
                    filename=_plain_filename(declaration.filename),
                    chunks=0,
                    declared_count=declaration.count,
                    declared_pence=declaration.pence,
                    entry_on=declaration.entry_on,
                    account_type=declaration.account_type,
                    source=declaration.source,
                    state="reading",
                    sent_by_kind=actor.kind,
                    sent_by_id=actor.id,
                    sent_by_name=actor.name,
                    correlation_id=correlation_id(),
                    **values,
                )
            )
    except IntegrityError as error:
        first = find_same_bytes(session, declaration.organisation, sha256)
        if first is None:
            raise
        raise SameBytes(first) from error


def ask_for_reading(session: Session, upload: Upload) -> None:
    """Enqueue the reading of an upload, once for each attempt."""
    enqueue(
        session,
        READ,
        {"upload_id": str(upload.id), "attempt": upload.attempt},
        key=f"{upload.id}/{upload.attempt}",
    )


def _plain_filename(name: str) -> str:
    """Return the last part of a file name without what no name has; never empty."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(sign for sign in last if sign.isprintable()).strip()
    return plain[:MAXIMUM_FILENAME] or "file"


def _check(session: Session, declaration: Declaration, now: datetime) -> UUID:
    """Return the programme's id; refuses a declaration with every fault at once."""
    faults = []
    programme = find_programme(session, declaration.organisation, declaration.programme)
    if find_body_name(session, declaration.organisation) is None:
        faults.append(FieldError("organisation", "This body does not pay through this platform"))
    elif programme is None:
        faults.append(FieldError("programme", "Select a programme of this body"))
    if declaration.format not in FORMATS:
        faults.append(FieldError("format", "Select the format of the file"))
    if declaration.count is None or not 1 <= declaration.count <= MAXIMUM_ROWS:
        faults.append(
            FieldError("count", f"Enter how many payments the file has, 1 to {MAXIMUM_ROWS:,}")
        )
    if declaration.pence is None or not 1 <= declaration.pence <= MAXIMUM_PENCE:
        faults.append(FieldError("total", "Enter the total of the file in pounds, like 1,234.50"))
    if declaration.account_type not in ("personal", "business"):
        faults.append(FieldError("account_type", "Select personal or business"))
    if declaration.entry_on is not None and declaration.entry_on < london_date(now):
        faults.append(FieldError("entry_on", "Enter a day that is not in the past"))
    if faults or programme is None:
        raise Invalid(*faults)
    return programme.id
