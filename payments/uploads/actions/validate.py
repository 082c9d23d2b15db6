"""Validating the rows of one block: what pays goes to the staging table, what does not is told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault, account_fingerprint, payee_fingerprint
from payments.payees.modulus.tables import TableFiles
from payments.stages.actions import begin_stage, finish_shard, take_shard
from payments.stages.queries import get_stage
from payments.stages.rules import SHARD_ITEMS, cut
from payments.uploads import models
from payments.uploads.actions.history import is_current, move_upload
from payments.uploads.blocks import open_block
from payments.uploads.checks.copying import NULL, as_bytea, copy_lines, escape, make_public_ids
from payments.uploads.checks.modulus import FastModulus
from payments.uploads.checks.row import GoodRow, RowChecker, RowFault
from payments.uploads.queries import load_upload
from payments.uploads.rules import Record
from shared.clock import london_date
from shared.crypto import Sealer
from shared.ids import new_id

COMPARE = "payments.uploads.compare"
COMPARED = "payments.uploads.compared"
_COPY_ROWS = (
    b"COPY upload_row (upload_id, number, line, payment_id, public_id, payee_name, account_type,"
    b" details_sealed, account_fingerprint, payee_fingerprint, account_tail, amount_pence,"
    b" reference, modulus_result, payee_id, gl_code, invoice_reference, invoice_received_on,"
    b" end_to_end_id) FROM STDIN"
)
_COPY_FAULTS = (
    b"COPY upload_fault (upload_id, number, ordinal, line, field, message, found) FROM STDIN"
)
_FORGET = (
    text("DELETE FROM upload_row WHERE upload_id = :upload AND number BETWEEN :first AND :last"),
    text("DELETE FROM upload_fault WHERE upload_id = :upload AND number BETWEEN :first AND :last"),
)


def block_of(row: int) -> int:
    """Return the number of the block that a row is in."""
    return (row - 1) // SHARD_ITEMS + 1


def validate_shard(
    session: Session,
    sealer: Sealer,
    vault: DetailsVault,
    tables: TableFiles,
    stage_id: UUID,
    number: int,
    now: datetime,
) -> bool:
    """Validate one block of rows, each with all its faults; does nothing the second time.

    Raises:
        BlockLostError: the block is gone, as after a crash of the database.
    """
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return False
    upload = load_upload(session, shard.subject_id)
    if not is_current(session, stage_id, upload, "validating"):
        finish_shard(session, shard, 0)
        return False
    place = block_of(shard.first)
    first, records = open_block(session, sealer, upload.id, place)
    for statement in _FORGET:
        session.execute(statement, {"upload": upload.id, "first": shard.first, "last": shard.last})
    checker = RowChecker(
        FastModulus(tables.load()), upload.account_type, upload.entry_on, london_date(now)
    )
    writer = _Writer(vault, upload.id)
    rows = writer.write(checker, first, records)
    copy_lines(session, _COPY_ROWS, rows)
    copy_lines(session, _COPY_FAULTS, writer.faults)
    session.execute(
        update(models.upload_block)
        .where(models.upload_block.c.upload_id == upload.id, models.upload_block.c.number == place)
        .values(warnings=checker.warnings)
    )
    finish_shard(session, shard, len(records), writer.pence)
    return True


class _Writer:
    """Makes lines for COPY from the rows of one block; ``faults`` is complete after the rows."""

    def __init__(self, vault: DetailsVault, upload_id: UUID) -> None:
        self.faults: list[str] = []
        self.pence = 0
        self._vault = vault
        self._upload = str(upload_id)

    def write(self, checker: RowChecker, first: int, records: list[Record]) -> list[str]:
        """Return the lines of the rows without faults."""
        lines = []
        public_ids = make_public_ids(len(records))
        for number, record in enumerate(records, first):
            row, faults = checker.check(record)
            if row is None:
                self._tell(number, record[0], faults)
            else:
                lines.append(self._line(number, record[0], row, next(public_ids)))
        return lines

    def _line(self, number: int, line: int, row: GoodRow, public_id: str) -> str:
        payment_id = str(new_id())
        vault, details = self._vault, row.details
        self.pence += row.amount_pence
        received = row.invoice_received_on
        return "\t".join(
            (
                self._upload,
                str(number),
                str(line),
                payment_id,
                public_id,
                escape(row.payee_name),
                row.account_type,
                as_bytea(vault.seal(details, f"payment:{payment_id}")),
                as_bytea(account_fingerprint(vault, details)),
                as_bytea(payee_fingerprint(vault, row.payee_name, row.account_type, details)),
                details.account_number[-4:],
                str(row.amount_pence),
                row.reference,
                row.modulus_result,
                NULL if row.payee_id is None else str(row.payee_id),
                row.gl_code,
                escape(row.invoice_reference),
                NULL if received is None else received.isoformat(),
                escape(row.end_to_end_id),
            )
        )

    def _tell(self, number: int, line: int, faults: list[RowFault]) -> None:
        for ordinal, (field, message, found) in enumerate(faults):
            self.faults.append(
                "\t".join(
                    (
                        self._upload,
                        str(number),
                        str(ordinal),
                        str(line),
                        field,
                        escape(message),
                        escape(found),
                    )
                )
            )


def finish_validating(session: Session, stage_id: UUID, now: datetime) -> None:
    """Ask for the comparison of all rows, when every block has been validated."""
    upload = load_upload(session, get_stage(session, stage_id).subject_id, lock=True)
    if not is_current(session, stage_id, upload, "validating"):
        return
    move_upload(session, upload, "comparing", now)
    begin_stage(
        session,
        upload.organisation,
        upload.id,
        "comparing",
        cut(upload.rows_read),
        topic=COMPARE,
        finish_topic=COMPARED,
        now=now,
    )
