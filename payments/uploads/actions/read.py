"""Reading a stored file into blocks of rows, and comparing its totals before anything else."""

from datetime import date, datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.stages.actions import begin_stage
from payments.stages.rules import SHARD_ITEMS, cut
from payments.uploads import models
from payments.uploads.actions.history import move_upload, note_upload
from payments.uploads.blocks import keep_block
from payments.uploads.queries import Upload, find_mapping, load_upload
from payments.uploads.readers.base import MappingNeededError, Reader
from payments.uploads.readers.choose import make_reader
from payments.uploads.rules import (
    EXECUTION_DATE,
    MAXIMUM_ROWS,
    Claims,
    Mapping,
    ReadError,
    Record,
    compare_totals,
    parse_day,
)
from payments.uploads.storage import open_stored
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.crypto import Sealer
from shared.db import Database
from shared.outbox import enqueue

VALIDATE = "payments.uploads.validate"
VALIDATED = "payments.uploads.validated"


class ReadElsewhereError(Exception):
    """Another worker goes on with this reading; this one comes back later."""


def read_upload(
    database: Database, sealer: Sealer, upload_id: UUID, attempt: int, now: datetime
) -> None:
    """Read a file from its first byte to its last, block by block, then compare its totals.

    Each block is one transaction. A reading that was interrupted goes on behind the last block
    that was kept: what is in the stored bytes cannot have changed.

    Raises:
        ReadElsewhereError: another worker has read on; nothing of this reading is kept.
    """
    with database.transaction() as session:
        upload = load_upload(session, upload_id)
    if upload.state != "reading" or upload.attempt != attempt:
        return

    def find(header: bytes) -> Mapping | None:
        with database.transaction() as session:
            return find_mapping(session, upload.organisation, header)

    with open_stored(database, sealer, upload.id, upload.size) as file:
        reader = make_reader(upload.format, file, upload.columns, find)
        try:
            _keep_rows(database, sealer, upload, reader)
        except MappingNeededError as needed:
            with database.transaction() as session:
                _ask_for_mapping(session, upload, needed, now)
            return
        except ReadError as error:
            with database.transaction() as session:
                _refuse(session, upload, error.code, error.reason, now, error.line, error.column)
            return
    with database.transaction() as session:
        finish_reading(session, upload_id, attempt, reader.claims, reader.warnings, now)


def _keep_rows(database: Database, sealer: Sealer, upload: Upload, reader: Reader) -> None:
    rows = iter(reader)
    number, first, kept = 0, 1, upload.rows_read
    entry_on = upload.entry_on
    while records := list(islice(rows, SHARD_ITEMS)):
        number += 1
        last = first + len(records) - 1
        if last > MAXIMUM_ROWS:
            raise ReadError(records[0][0], "", f"more than {MAXIMUM_ROWS:,} payments", "too_long")
        if entry_on is None:
            entry_on = _first_day(records)
        if last > kept:
            with database.transaction() as session:
                if not _is_mine(session, upload, first - 1):
                    raise ReadElsewhereError(str(upload.id))
                pence, unread = keep_block(session, sealer, upload.id, number, first, records)
                session.execute(
                    update(models.upload)
                    .where(models.upload.c.id == upload.id)
                    .values(
                        rows_read=last,
                        pence_read=models.upload.c.pence_read + pence,
                        amounts_unread=models.upload.c.amounts_unread + unread,
                        entry_on=entry_on,
                    )
                )
        first = last + 1


def _first_day(records: list[Record]) -> date | None:
    """Return the first day on which a row asks to be paid; a file has one such day."""
    for _, fields in records:
        if fields[EXECUTION_DATE] and (day := parse_day(fields[EXECUTION_DATE])) is not None:
            return day
    return None


def _is_mine(session: Session, upload: Upload, rows_before: int) -> bool:
    """Lock the upload; tell whether nobody else has gone on with its reading."""
    up = models.upload.c
    row = session.execute(
        select(up.state, up.attempt, up.rows_read).where(up.id == upload.id).with_for_update()
    ).one()
    return tuple(row) == ("reading", upload.attempt, rows_before)


def finish_reading(
    session: Session,
    upload_id: UUID,
    attempt: int,
    claims: Claims,
    warnings: dict[str, int],
    now: datetime,
) -> None:
    """Compare the totals of a file that was read; ask for the validation of its rows.

    A difference refuses the whole upload and names both figures.
    """
    upload = load_upload(session, upload_id, lock=True)
    if upload.state != "reading" or upload.attempt != attempt:
        return
    if upload.rows_read == 0:
        _refuse(session, upload, "no_rows", "The file has no payments.", now)
        return
    differences = compare_totals(
        (upload.declared_count, upload.declared_pence),
        claims,
        (upload.rows_read, upload.pence_read),
        upload.amounts_unread,
    )
    if differences:
        sentences = " ".join(one.sentence for one in differences)
        _refuse(session, upload, "totals_differ", sentences, now)
        return
    if upload.entry_on is not None and upload.entry_on < london_date(now):
        warnings = {**warnings, "entry_day_past": 1}
    move_upload(session, upload, "validating", now, warnings=warnings)
    note_upload(
        session,
        SYSTEM,
        upload,
        "read",
        now,
        {"rows": upload.rows_read, "pence": upload.pence_read},
    )
    begin_stage(
        session,
        upload.organisation,
        upload.id,
        "validating",
        cut(upload.rows_read),
        topic=VALIDATE,
        finish_topic=VALIDATED,
        now=now,
    )


def _ask_for_mapping(
    session: Session, seen: Upload, needed: MappingNeededError, now: datetime
) -> None:
    upload = load_upload(session, seen.id, lock=True)
    if upload.state != "reading" or upload.attempt != seen.attempt:
        return
    if upload.source == "api":
        names = ", ".join(repr(name[:40]) for name in needed.unknown[:20])
        reason = (
            f"Unknown columns: {names}. Rename them, or upload a file with this heading on the"
            " page once and say what each column is."
        )
        _refuse(session, upload, "unknown_columns", reason, now, 1)
        return
    move_upload(session, upload, "mapping", now)
    note_upload(session, SYSTEM, upload, "mapping_needed", now)


def _refuse(
    session: Session,
    seen: Upload,
    code: str,
    reason: str,
    now: datetime,
    line: int | None = None,
    column: str = "",
) -> None:
    upload = load_upload(session, seen.id, lock=True)
    if upload.state != "reading" or upload.attempt != seen.attempt:
        return
    move_upload(
        session,
        upload,
        "refused",
        now,
        refusal_code=code,
        refusal=reason,
        refusal_line=line,
        refusal_column=column or None,
    )
    note_upload(session, SYSTEM, upload, "refused", now, {"code": code, "line": line})
    enqueue(session, "payments.uploads.forget", {"upload_id": str(upload.id)}, key=str(upload.id))
