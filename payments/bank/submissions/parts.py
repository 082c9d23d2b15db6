"""Writes the parts of a bank file, each in a transaction of its own, and seals the whole."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.actions import account_hash, reference_key
from payments.bank.content import part_record
from payments.bank.formats.profile import read_profile
from payments.bank.formats.writing import (
    FileFacts,
    FilePayment,
    FileWriter,
    UnwritableError,
    writer_for,
)
from payments.bank.standard18 import Originator, to_bacs
from payments.bank.submissions.rules import SignedContent, Total, content_sha256
from payments.bank.work.actions import NewItem, open_items
from payments.payees.bank_details import BankDetails, DetailsVault
from payments.stages.actions import finish_shard, take_shard
from shared import audit, outbox
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.crypto import SealBrokenError

_SUBMISSION = text(
    """
    SELECT s.id, s.run_id, s.body, s.serial, s.processing_day, s.created_at, s.rail,
           s.file_format, s.profile, s.payment_count, s.total_pence, s.stage_id,
           b.sort_code, b.account_number, b.name, s.service_user_number
      FROM submission s JOIN bank_account b ON b.id = s.bank_account_id WHERE s.id = :id
    """
)
_PART = text(
    "SELECT number, first_line, payment_count, total_pence, first_payment_id, last_payment_id,"
    " content_sha256 FROM submission_part WHERE submission_id = :id AND number = :number"
)
_PAYMENTS = text(
    """
    SELECT id, public_id, payee_name, account_type, details_sealed, amount_pence, currency,
           reference, gl_code, content_sha256
      FROM payment WHERE run_id = :run AND id BETWEEN :first AND :last AND state = 'released'
     ORDER BY id
    """
)
_ITEMS = text(
    """
    INSERT INTO submission_item (submission_id, line_no, payment_id, amount_pence, account_hash,
                                 reference, reference_key, end_to_end_id)
    SELECT :id, u.number + :first - 1, u.payment, u.amount, u.hash, u.reference, u.key, u.end_id
      FROM unnest(cast(:payments AS uuid[]), cast(:amounts AS bigint[]), cast(:hashes AS bytea[]),
                  cast(:references AS text[]), cast(:keys AS text[]), cast(:end_ids AS text[]))
           WITH ORDINALITY AS u(payment, amount, hash, reference, key, end_id, number)
    """
)
_STORE = text(
    """
    UPDATE submission_part SET content_sealed = :content, content_bytes = :size,
           content_sha256 = :sha256, changed_texts = :changed
     WHERE submission_id = :id AND number = :number
    """
)
_ADD = text(
    """
    INSERT INTO submission_part (submission_id, number, first_line, payment_count, total_pence,
                                 content_sealed, content_bytes, content_sha256)
    VALUES (:id, :number, :first, 0, 0, :content, :size, :sha256)
    """
)
_SUMS = text(
    """
    SELECT count(*) FILTER (WHERE content_sha256 IS NULL) AS missing, max(number) AS last,
           sum(payment_count) AS payments, sum(total_pence)::bigint AS pence,
           sum(content_bytes)::bigint AS bytes, sum(changed_texts) AS changed
      FROM submission_part WHERE submission_id = :id AND number > 0
    """
)
_BYTES = text(
    "SELECT number, content_sealed FROM submission_part"
    " WHERE submission_id = :id AND number = :number"
)
_SEAL = text(
    """
    UPDATE attempt SET state = 'sealed', content_sha256 = :sha256, content_bytes = :size,
                       sealed_at = :now
     WHERE submission_id = :id AND state = 'prepared'
    """
)
_PREPARED = text(
    "SELECT payment_count, total_pence FROM attempt"
    " WHERE submission_id = :id AND state = 'prepared' FOR UPDATE"
)


@dataclass(frozen=True)
class Stopped(Exception):  # noqa: N818 - the file stops for a person; nothing is wrong with code
    """The file cannot be written as it is; says at which payment and why."""

    payment_id: UUID | None
    code: str
    reason: str


def write_part(
    session: Session, vault: DetailsVault, stage_id: UUID, number: int, now: datetime
) -> bool:
    """Write one part of a file from the payments as they are now; False when it stopped.

    Each payment's content is compared with what was approved. A difference, a value that the
    format cannot carry or another count or sum than the part's leaves nothing written and opens
    work for a person; the file waits. Written parts stay as they are.
    """
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return True
    submission = session.execute(_SUBMISSION, {"id": shard.subject_id}).one()
    if submission.stage_id != stage_id:
        return True
    part = session.execute(_PART, {"id": submission.id, "number": number}).one()
    try:
        content, changed, payments = _build(session, vault, submission, part)
    except Stopped as stopped:
        _stop(session, submission, number, stopped, now)
        return False
    _store_items(session, vault, submission.id, part.first_line, payments)
    sealed = vault.seal_text(content.decode(), part_record(submission.id, number))
    values = {"id": submission.id, "number": number, "content": sealed, "size": len(content)}
    values |= {"sha256": hashlib.sha256(content).digest(), "changed": changed}
    session.execute(_STORE, values)
    finish_shard(session, shard, len(payments), sum(one.amount_pence for one in payments))
    return True


def seal_file(session: Session, vault: DetailsVault, submission_id: UUID, now: datetime) -> bool:
    """Add header and trailer, hash all bytes in order, and have the file sent after the commit.

    False when the attempt was sealed or given up before, or the parts do not come to its totals;
    the latter opens work for a person.
    """
    attempt = session.execute(_PREPARED, {"id": submission_id}).one_or_none()
    if attempt is None:
        return False
    submission = session.execute(_SUBMISSION, {"id": submission_id}).one()
    sums = session.execute(_SUMS, {"id": submission_id}).one()
    wanted = Total(attempt.payment_count, attempt.total_pence)
    if sums.missing or Total(sums.payments, sums.pence) != wanted:
        reason = (
            f"the parts of the file hold {sums.payments} payments of {sums.pence} pence,"
            f" released are {wanted.count} of {wanted.pence}; {sums.missing} parts are missing"
        )
        _stop(session, submission, 0, Stopped(None, "totals", reason), now)
        return False
    writer = writer_for(submission.file_format, _facts(submission))
    head, tail = writer.header(), writer.trailer()
    last = sums.last + 1
    for number, content in ((0, head), (last, tail)):
        _add_part(session, vault, submission_id, number, wanted.count + 1 if number else 0, content)
    digest, size = _digest(session, vault, submission_id, last)
    session.execute(_SEAL, {"id": submission_id, "sha256": digest, "size": size, "now": now})
    facts = {"run_id": submission.run_id, "serial": submission.serial, "payments": wanted.count}
    facts |= {"total_pence": wanted.pence, "sha256": digest.hex(), "bytes": size}
    facts |= {"changed_texts": sums.changed}
    audit.record(session, SYSTEM, "bank.submission.sealed", "submission", submission_id, facts)
    payload = {"submission_id": str(submission_id)}
    outbox.enqueue(session, "payments.bank.submit", payload, key=f"{submission_id}/1")
    return True


def _build(
    session: Session,
    vault: DetailsVault,
    submission: Row[tuple[object, ...]],
    part: Row[tuple[object, ...]],
) -> tuple[bytes, int, list[FilePayment]]:
    rows = session.execute(
        _PAYMENTS,
        {
            "run": submission.run_id,
            "first": part.first_payment_id,
            "last": part.last_payment_id,
        },
    ).all()
    found = Total(len(rows), sum(row.amount_pence for row in rows))
    if found != Total(part.payment_count, part.total_pence):
        reason = (
            f"part {part.number} should hold {part.payment_count} payments of {part.total_pence}"
            f" pence, released are {found.count} of {found.pence}"
        )
        raise Stopped(None, "totals", reason)
    writer = _make_writer(submission)
    records, changed, payments = [], 0, []
    for row in rows:
        payment = _open(vault, row)
        record, is_changed = _write(writer, payment)
        records.append(record)
        payments.append(payment)
        changed += is_changed
    return b"".join(records), changed, payments


def _make_writer(submission: Row[tuple[object, ...]]) -> FileWriter:
    try:
        return writer_for(submission.file_format, _facts(submission))
    except UnwritableError as error:
        raise Stopped(None, "not_writable", str(error)) from None


def _write(writer: FileWriter, payment: FilePayment) -> tuple[bytes, bool]:
    try:
        return writer.record(payment)
    except UnwritableError as error:
        raise Stopped(payment.payment_id, "not_writable", str(error)) from None


def _open(vault: DetailsVault, row: Row[tuple[object, ...]]) -> FilePayment:
    """Open a payment's details; refuses content that is not what was approved."""
    try:
        details: BankDetails = vault.open(bytes(row.details_sealed), f"payment:{row.id}")
    except SealBrokenError as error:
        raise Stopped(row.id, "content_differs", str(error)) from None
    signed = SignedContent(
        row.payee_name,
        row.account_type,
        details.sort_code,
        details.account_number,
        details.roll_number,
        row.amount_pence,
        row.currency,
        row.reference,
        row.gl_code,
    )
    if row.content_sha256 is None or content_sha256(signed) != bytes(row.content_sha256):
        raise Stopped(row.id, "content_differs", "the payment is not what was approved")
    return FilePayment(
        row.id,
        row.public_id,
        details.sort_code,
        details.account_number,
        details.roll_number,
        row.payee_name,
        row.amount_pence,
        row.reference,
    )


def _facts(submission: Row[tuple[object, ...]]) -> FileFacts:
    return FileFacts(
        Originator(
            submission.service_user_number,
            submission.sort_code,
            submission.account_number,
            submission.name,
        ),
        submission.serial,
        submission.rail,
        submission.processing_day,
        submission.created_at,
        london_date(submission.created_at),
        submission.payment_count,
        submission.total_pence,
        read_profile(submission.profile),
    )


def _store_items(
    session: Session,
    vault: DetailsVault,
    submission_id: UUID,
    first_line: int,
    payments: Sequence[FilePayment],
) -> None:
    references = [to_bacs(one.shown_reference)[0].strip() for one in payments]
    session.execute(
        _ITEMS,
        {
            "id": submission_id,
            "first": first_line,
            "payments": [one.payment_id for one in payments],
            "amounts": [one.amount_pence for one in payments],
            "hashes": [account_hash(vault, one.sort_code, one.account_number) for one in payments],
            "references": references,
            "keys": [reference_key(one) for one in references],
            "end_ids": [one.end_to_end_id for one in payments],
        },
    )


def _add_part(
    session: Session,
    vault: DetailsVault,
    submission_id: UUID,
    number: int,
    first_line: int,
    content: bytes,
) -> None:
    sealed = vault.seal_text(content.decode(), part_record(submission_id, number))
    values = {"id": submission_id, "number": number, "first": first_line, "content": sealed}
    session.execute(
        _ADD, values | {"size": len(content), "sha256": hashlib.sha256(content).digest()}
    )


def _digest(
    session: Session, vault: DetailsVault, submission_id: UUID, last: int
) -> tuple[bytes, int]:
    """Return SHA-256 and length over all parts in order, holding one of them at a time."""
    digest, size = hashlib.sha256(), 0
    for number in range(last + 1):
        row = session.execute(_BYTES, {"id": submission_id, "number": number}).one()
        record = part_record(submission_id, number)
        content = vault.open_text(bytes(row.content_sealed), record).encode()
        digest.update(content)
        size += len(content)
    return digest.digest(), size


def _stop(
    session: Session,
    submission: Row[tuple[object, ...]],
    number: int,
    stopped: Stopped,
    now: datetime,
) -> None:
    item = NewItem(
        submission.body,
        f"stopped/{submission.id}/{number}/{stopped.payment_id or ''}",
        "file_stopped" if stopped.code != "totals" else "totals_differ",
        "find_out",
        code=stopped.code,
        reason=stopped.reason,
        submission_id=submission.id,
        payment_id=stopped.payment_id,
        amount_pence=submission.total_pence,
    )
    open_items(session, [item], now)
    facts = {"code": stopped.code, "part": number, "payment_id": stopped.payment_id}
    audit.record(session, SYSTEM, "bank.submission.stopped", "submission", submission.id, facts)
