"""The file of errors: each row with what is wrong with it, to be corrected and sent again."""

import csv
import io
from collections.abc import Iterator
from uuid import UUID

from payments.uploads.actions.correct import ERROR_COLUMNS, escape_formula
from payments.uploads.blocks import open_block
from payments.uploads.queries import list_blocks, list_faults_of_rows
from payments.uploads.rules import COLUMNS, END_TO_END_ID
from shared.crypto import Sealer
from shared.db import Database


def stream_errors(database: Database, sealer: Sealer, upload_id: UUID) -> Iterator[str]:
    """Yield the lines of the CSV block by block; cells that look like formulas are escaped."""
    yield "\ufeff" + _line(ERROR_COLUMNS)
    with database.transaction() as session:
        blocks = list_blocks(session, upload_id)
    for number, first, last in blocks:
        with database.transaction() as session:
            faults = list_faults_of_rows(session, upload_id, first, last)
            if not faults:
                continue
            _, records = open_block(session, sealer, upload_id, number)
        for row, found in faults.items():
            line, fields = records[row - first]
            told = "; ".join(f"{one.field}: {one.message}" for one in found)
            cells = [*fields[: len(COLUMNS)], fields[END_TO_END_ID]]
            yield _line((str(row), str(line), told, *cells))


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([escape_formula(cell) for cell in cells])
    return out.getvalue()
