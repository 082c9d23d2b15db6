"""Corrected rows: what a person sends in place of rows that had faults."""

import io
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.stages.actions import begin_stage
from payments.stages.rules import SHARD_ITEMS
from payments.uploads import models
from payments.uploads.actions.decide import lock_upload
from payments.uploads.actions.history import move_upload, note_upload
from payments.uploads.actions.read import VALIDATE, VALIDATED
from payments.uploads.actions.validate import block_of
from payments.uploads.blocks import keep_block, open_block
from payments.uploads.queries import Upload, list_faults_of_rows
from payments.uploads.readers.delimited import detect_encoding, read_table
from payments.uploads.rules import (
    COLUMNS,
    END_TO_END_ID,
    MAXIMUM_FIELD,
    NEEDED,
    Claims,
    ReadError,
    blank_fields,
    compare_totals,
    plain_heading,
)
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Conflict, FieldError, Invalid

ROW = "row"
# What the file of errors carries: where the row stands, what is wrong, and the row as it was.
ERROR_COLUMNS = (ROW, "line", "errors", *COLUMNS, "end_to_end_id")
_IGNORED = frozenset({"line", "errors"})
_FIELDS = {**{name: at for at, name in enumerate(COLUMNS)}, "end_to_end_id": END_TO_END_ID}
MAXIMUM_CORRECTIONS = 50_000
MAXIMUM_BYTES = 20_000_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    """Return a cell without the mark that :func:`escape_formula` put in front of it."""
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def correct_rows(
    session: Session,
    sealer: Sealer,
    organisation: str,
    upload_id: UUID,
    file: BinaryIO,
    actor: Actor,
    now: datetime,
) -> int:
    """Put corrected rows in place of rows with faults and validate their blocks again.

    Only rows that have faults are taken. Returns how many were.

    Raises:
        Conflict: the upload does not wait for corrections.
        Invalid: the file cannot be read, names other rows, or changes the totals: says both
            figures. Nothing is changed then.
    """
    upload = lock_upload(session, organisation, upload_id)
    if upload.state != "faulty":
        raise Conflict("upload_state", "This upload does not wait for corrections")
    try:
        corrections = _read(file)
    except ReadError as error:
        raise _invalid(f"Line {error.line}: {error.reason}") from error
    _check_rows(session, upload, corrections)
    blocks = sorted({block_of(number) for number in corrections})
    ranges = [_rewrite(session, sealer, upload, block, corrections) for block in blocks]
    pence, unread = _sums(session, upload.id)
    differences = compare_totals(
        (upload.declared_count, upload.declared_pence), Claims(), (upload.rows_read, pence), unread
    )
    if differences:
        raise _invalid(" ".join(one.sentence for one in differences))
    values = {"pence_read": pence, "amounts_unread": unread, "invalid_rows": 0}
    move_upload(session, upload, "validating", now, **values)
    note_upload(session, actor, upload, "corrected", now, {"rows": len(corrections)})
    begin_stage(
        session,
        organisation,
        upload.id,
        "validating",
        ranges,
        topic=VALIDATE,
        finish_topic=VALIDATED,
        now=now,
    )
    return len(corrections)


def _invalid(message: str) -> Invalid:
    return Invalid(FieldError("corrections", message))


def _read(file: BinaryIO) -> dict[int, list[str]]:
    if file.seek(0, io.SEEK_END) > MAXIMUM_BYTES:
        raise _invalid(f"Select a file of at most {MAXIMUM_BYTES // 1_000_000} MB")
    encoding = detect_encoding(file)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    found: dict[int, list[str]] = {}
    try:
        table = read_table(text)
        names = [plain_heading(name) for name in next(table, (1, []))[1]]
        _check_heading(names)
        for line, cells in table:
            if len(cells) != len(names):
                raise ReadError(line, "", f"{len(cells)} columns, the heading has {len(names)}")
            if len(found) >= MAXIMUM_CORRECTIONS:
                raise ReadError(line, "", f"more than {MAXIMUM_CORRECTIONS:,} corrections")
            number, fields = _read_row(line, dict(zip(names, cells, strict=True)))
            if number in found:
                raise ReadError(line, ROW, f"row {number} stands here twice")
            found[number] = fields
    finally:
        text.detach()
    if not found:
        raise ReadError(1, "", "the file has no rows")
    return found


def _check_heading(names: list[str]) -> None:
    if missing := [name for name in (ROW, *NEEDED) if name not in names]:
        raise ReadError(1, "", f"the heading has no {', '.join(missing)}")
    if unknown := [name for name in names if name not in _FIELDS and name not in (ROW, *_IGNORED)]:
        raise ReadError(1, "", f"unknown columns: {', '.join(unknown)[:200]}")
    if len(set(names)) != len(names):
        raise ReadError(1, "", "a column stands in the heading twice")


def _read_row(line: int, cells: dict[str, str]) -> tuple[int, list[str]]:
    number = cells[ROW].strip()
    if not (number.isascii() and number.isdigit()) or len(number) > len("9999999"):
        raise ReadError(line, ROW, "not the number of a row")
    fields = blank_fields()
    for name, at in _FIELDS.items():
        fields[at] = _plain(cells.get(name, ""))[:MAXIMUM_FIELD]
    return int(number), fields


def _check_rows(session: Session, upload: Upload, corrections: dict[int, list[str]]) -> None:
    first, last = min(corrections), max(corrections)
    faulty = list_faults_of_rows(session, upload.id, first, last)
    if others := [number for number in corrections if number not in faulty]:
        shown = ", ".join(str(number) for number in sorted(others)[:10])
        raise _invalid(f"Only rows with errors can be corrected, not: {shown}")


def _rewrite(
    session: Session,
    sealer: Sealer,
    upload: Upload,
    block: int,
    corrections: dict[int, list[str]],
) -> tuple[int, int]:
    """Replace rows of a block; returns its first and last row."""
    first, records = open_block(session, sealer, upload.id, block)
    for at, (line, _) in enumerate(records):
        if first + at in corrections:
            records[at] = (line, corrections[first + at])
    keep_block(session, sealer, upload.id, block, first, records)
    return first, first + min(len(records), SHARD_ITEMS) - 1


def _sums(session: Session, upload_id: UUID) -> tuple[int, int]:
    block = models.upload_block.c
    row = session.execute(
        select(func.sum(block.pence), func.sum(block.amounts_unread)).where(
            block.upload_id == upload_id
        )
    ).one()
    return int(row[0]), int(row[1])
