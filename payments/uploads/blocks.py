"""Rows as they were read, kept sealed in blocks of 10,000 until they have become payments."""

import json
import zlib
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.uploads import models
from payments.uploads.rules import AMOUNT, Record, to_pence
from shared.crypto import Sealer

# Names and accounts repeat little: more effort would buy nothing.
_EFFORT = 1
_FORGOTTEN_ROWS = 20_000


def _record(upload_id: UUID, number: int) -> bytes:
    return f"upload_block:{upload_id}:{number}".encode()


def sum_amounts(records: list[Record]) -> tuple[int, int]:
    """Return the sum of the amounts that can be read, and how many cannot."""
    pence = [to_pence(fields[AMOUNT]) for _, fields in records]
    unread = pence.count(None)
    return sum(one for one in pence if one is not None), unread


def keep_block(
    session: Session,
    sealer: Sealer,
    upload_id: UUID,
    number: int,
    first: int,
    records: list[Record],
) -> tuple[int, int]:
    """Store the rows from number ``first`` on, in place of an earlier block; returns their sums."""
    pence, unread = sum_amounts(records)
    packed = zlib.compress(json.dumps(records, ensure_ascii=False).encode(), _EFFORT)
    values = {
        "first": first,
        "last": first + len(records) - 1,
        "pence": pence,
        "amounts_unread": unread,
        "sealed": sealer.seal(packed, _record(upload_id, number)),
    }
    statement = insert(models.upload_block).values(upload_id=upload_id, number=number, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["upload_id", "number"], set_=values)
    )
    return pence, unread


class BlockLostError(Exception):
    """The database crashed and lost what can be made again; the file has to be read again."""


def open_block(
    session: Session, sealer: Sealer, upload_id: UUID, number: int
) -> tuple[int, list[Record]]:
    """Return the number of a block's first row and its rows.

    Raises:
        BlockLostError: there is no such block.
    """
    block = models.upload_block.c
    row = session.execute(
        select(block.first, block.sealed).where(
            block.upload_id == upload_id, block.number == number
        )
    ).one_or_none()
    if row is None:
        raise BlockLostError(f"{upload_id}/{number}")
    packed = sealer.open(bytes(row.sealed), _record(upload_id, number))
    return row.first, [(line, fields) for line, fields in json.loads(zlib.decompress(packed))]


def forget_rows(session: Session, upload_id: UUID) -> bool:
    """Remove a part of what was made from the stored bytes; tells whether more is left.

    The parts are small enough for one transaction each, whatever the size of the file.
    """
    for table in (models.upload_row, models.upload_fault):
        first = session.execute(
            select(func.min(table.c.number)).where(table.c.upload_id == upload_id)
        ).scalar_one()
        if first is not None:
            session.execute(
                delete(table).where(
                    table.c.upload_id == upload_id, table.c.number < first + _FORGOTTEN_ROWS
                )
            )
            return True
    block = models.upload_block
    session.execute(delete(block).where(block.c.upload_id == upload_id))
    return False
