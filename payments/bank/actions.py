"""Bank accounts, submissions, and the facts that the bank tells about payments."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.content import part_record
from payments.bank.outcomes import OutcomeKind
from payments.bank.queries import (
    BankAccount,
    SubmissionView,
    find_bank_account,
    get_submission_of_run,
)
from payments.bank.standard18 import (
    Credit,
    Originator,
    Standard18Error,
    WrittenFile,
    to_bacs,
    write_file,
)
from payments.ledger.actions import open_accounts
from payments.payees.bank_details import DetailsVault
from shared import audit, outbox
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.ids import new_id

_OPEN = text(
    """
    INSERT INTO bank_account (id, body, code, name, sort_code, account_number, service_user_number)
    VALUES (:id, :body, :code, :name, :sort_code, :account_number, :service_user_number)
    ON CONFLICT DO NOTHING
    """
)
_FIND = text(
    "SELECT id FROM bank_account WHERE body = :body AND code = :code AND sort_code = :sort_code"
    " AND account_number = :account_number"
)
_NEXT_SERIAL = text(
    """
    INSERT INTO volume_serial (service_user_number, last) VALUES (:user, 1)
    ON CONFLICT (service_user_number) DO UPDATE SET last = volume_serial.last % 999999 + 1
    RETURNING last
    """
)
_SUBMISSION = text(
    """
    INSERT INTO submission (id, body, run_id, bank_account_id, service_user_number, serial,
                            processing_day, payment_count, total_pence, created_at)
    VALUES (:id, :body, :run_id, :account, :user, :serial, :day, :count, :total, :now)
    """
)
_ITEMS = text(
    """
    INSERT INTO submission_item (submission_id, line_no, payment_id, amount_pence, account_hash,
                                 reference, reference_key)
    SELECT :id, u.line_no, u.payment_id, u.amount, u.hash, u.reference, u.key
      FROM unnest(cast(:payments AS uuid[]), cast(:amounts AS bigint[]), cast(:hashes AS bytea[]),
                  cast(:references AS text[]), cast(:keys AS text[]))
           WITH ORDINALITY AS u(payment_id, amount, hash, reference, key, line_no)
    """
)
_ATTEMPT = text(
    """
    INSERT INTO attempt (id, submission_id, number, state, content_sha256, content_bytes,
                         payment_count, total_pence, sealed_at)
    VALUES (:id, :submission, 1, 'sealed', :sha256, :size, :count, :total, :now)
    """
)
_WHOLE = text(
    """
    INSERT INTO submission_part (submission_id, number, first_line, payment_count, total_pence,
                                 content_sealed, content_bytes, content_sha256)
    VALUES (:submission, 0, 1, :count, :total, :content, :size, :sha256)
    """
)
_OUTCOMES = text(
    """
    WITH fresh AS (
      INSERT INTO bank_outcome (batch_id, payment_id, submission_id, kind, reason_code, reason,
                                occurred_on, report_id)
      SELECT :batch, i.payment_id, :submission, :kind, :code, :reason, :day, :report
        FROM submission_item i WHERE i.submission_id = :submission
         AND i.line_no BETWEEN :first AND :last
         AND (cast(:only AS uuid[]) IS NULL OR i.payment_id = ANY(:only))
         AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.submission_id = :submission
                            AND o.payment_id = i.payment_id AND o.kind = ANY(:unless))
       ORDER BY i.line_no
      ON CONFLICT DO NOTHING RETURNING id)
    SELECT count(*) FROM fresh
    """
)
_LAST_LINE = text("SELECT max(line_no) FROM submission_item WHERE submission_id = :id")
_BATCH = 10_000
_LOCK_SUBMISSION = text("SELECT state FROM submission WHERE id = :id FOR UPDATE")
_SETTLE = text(
    """
    UPDATE submission SET state = 'settled', settled_on = :day, settled_pence = :pence
     WHERE id = :id AND state IN ('acknowledged', 'reported')
    """
)
_MAXIMUM_REFERENCE = 18


@dataclass(frozen=True)
class NewBankAccount:
    """A real account of a body; with a service user number it can pay through Bacs."""

    body: str
    code: str
    name: str
    sort_code: str
    account_number: str
    service_user_number: str = ""
    id: UUID | None = None


@dataclass(frozen=True)
class PaymentInstruction:
    """One payment to hand over; amounts in pence, the reference at most 18 characters."""

    payment_id: UUID
    sort_code: str
    account_number: str
    name: str
    amount_pence: int
    reference: str


def account_hash(vault: DetailsVault, sort_code: str, account_number: str) -> bytes:
    """Return the keyed digest by which an account is found again without being readable."""
    return vault.fingerprint("account", sort_code + account_number, "")


def reference_key(reference: str) -> str:
    """Return a reference as statements are compared: letters and digits, no leading zeros."""
    return re.sub(r"[^A-Z0-9]", "", reference.upper()).lstrip("0")


def open_bank_account(session: Session, account: NewBankAccount) -> UUID:
    """Open a bank account and its ledger accounts; the same again returns the first id.

    Raises:
        Conflict: its code or its numbers belong to another account.
    """
    values = {**account.__dict__, "id": account.id or new_id()}
    session.execute(_OPEN, values)
    found: UUID | None = session.execute(_FIND, values).scalar_one_or_none()
    if found is None:
        raise Conflict("bank_account_exists", "Another bank account has this code or these numbers")
    open_accounts(session, account.body, (account.code,))
    return found


def prepare_submission(
    session: Session,
    run_id: UUID,
    body: str,
    originating_account: UUID,
    processing_day: date,
    payments: Sequence[PaymentInstruction],
    *,
    vault: DetailsVault,
    now: datetime,
) -> UUID:
    """Write and seal the file of a run and have it sent after the commit; returns its id.

    A run that has a submission already keeps it. When the bank refused that one, its payments are
    finished and booked as returned: they are paid by new payments only. Refuses an account of
    another body, one that cannot pay, and values that Standard 18 cannot carry.

    Raises:
        NotFound: no such bank account of this body.
        Conflict: ``cannot_pay``, the account has no service user number; ``run_refused``.
        Invalid: names what no file can carry.
    """
    known = get_submission_of_run(session, run_id)
    if known is not None:
        return _kept(known)
    account = find_bank_account(session, originating_account)
    if account is None or account.body != body:
        raise NotFound("no_such_bank_account", "There is no such bank account")
    if not account.service_user_number:
        raise Conflict("cannot_pay", "This bank account has no service user number")
    user = account.service_user_number
    serial = f"{session.execute(_NEXT_SERIAL, {'user': user}).scalar_one():06d}"
    file = _write(account, serial, processing_day, london_date(now), payments)
    submission_id = new_id()
    session.execute(
        _SUBMISSION,
        {
            "id": submission_id,
            "body": body,
            "run_id": run_id,
            "account": account.id,
            "user": user,
            "serial": serial,
            "day": processing_day,
            "count": file.payment_count,
            "total": file.total_pence,
            "now": now,
        },
    )
    _store_items(session, submission_id, payments, vault)
    values = {
        "submission": submission_id,
        "sha256": hashlib.sha256(file.content).digest(),
        "size": len(file.content),
        "count": file.payment_count,
        "total": file.total_pence,
    }
    sealed = vault.seal_text(file.content.decode(), part_record(submission_id, 0))
    session.execute(_WHOLE, values | {"content": sealed})
    session.execute(_ATTEMPT, values | {"id": new_id(), "now": now})
    facts = {"run_id": run_id, "serial": serial, "payments": file.payment_count}
    facts |= {"total_pence": file.total_pence, "warnings": list(file.warnings[:100])}
    audit.record(session, SYSTEM, "bank.submission.sealed", "submission", submission_id, facts)
    payload = {"submission_id": str(submission_id)}
    outbox.enqueue(session, "payments.bank.submit", payload, key=f"{submission_id}/1")
    return submission_id


def _kept(known: SubmissionView) -> UUID:
    if known.state == "refused":
        raise Conflict("run_refused", "The bank refused the file of this run")
    return known.id


def _write(
    account: BankAccount,
    serial: str,
    processing_day: date,
    created_on: date,
    payments: Sequence[PaymentInstruction],
) -> WrittenFile:
    credits_ = [
        Credit(one.sort_code, one.account_number, one.name, one.amount_pence, one.reference)
        for one in payments
    ]
    if long := [one for one in payments if len(one.reference) > _MAXIMUM_REFERENCE]:
        raise Invalid(
            FieldError(str(long[0].payment_id), "the reference is longer than 18 characters"),
            title="The bank file cannot be written",
        )
    originator = Originator(
        account.service_user_number, account.sort_code, account.account_number, account.name
    )
    try:
        return write_file(originator, serial, processing_day, created_on, credits_)
    except Standard18Error as error:
        raise Invalid(
            FieldError("payments", str(error)), title="The bank file cannot be written"
        ) from error


def _store_items(
    session: Session,
    submission_id: UUID,
    payments: Sequence[PaymentInstruction],
    vault: DetailsVault,
) -> None:
    session.execute(
        _ITEMS,
        {
            "id": submission_id,
            "payments": [one.payment_id for one in payments],
            "amounts": [one.amount_pence for one in payments],
            "hashes": [account_hash(vault, one.sort_code, one.account_number) for one in payments],
            "references": [to_bacs(one.reference)[0].strip() for one in payments],
            "keys": [reference_key(to_bacs(one.reference)[0]) for one in payments],
        },
    )


def record_outcomes(
    session: Session,
    submission_id: UUID,
    run_id: UUID,
    kind: OutcomeKind,
    occurred_on: date,
    *,
    only: Sequence[UUID] | None = None,
    unless: Sequence[OutcomeKind] = (),
    code: str = "",
    reason: str = "",
    report_id: UUID | None = None,
) -> int:
    """Write one fact for a submission's payments and let the runs know; returns how many were new.

    The runs get to know of at most 10,000 payments at once, each batch a piece of work of its own.
    ``only`` names some of its payments, ``unless`` leaves out those with such an outcome already.
    """
    told = {
        "submission": submission_id,
        "kind": kind,
        "code": code,
        "reason": reason,
        "day": occurred_on,
        "report": report_id,
        "only": None if only is None else list(only),
        "unless": list(unless),
    }
    last_line = session.execute(_LAST_LINE, {"id": submission_id}).scalar_one() or 0
    count = 0
    for first in range(1, last_line + 1, _BATCH):
        batch = new_id()
        lines = {"first": first, "last": first + _BATCH - 1}
        fresh = session.execute(_OUTCOMES, told | lines | {"batch": batch}).scalar_one()
        if fresh:
            payload = {"outcome_batch_id": str(batch), "run_id": str(run_id)}
            outbox.enqueue(session, "payments.runs.apply_outcomes", payload, key=str(batch))
        count += int(fresh)
    return count


def ask_for_rematch(session: Session, submission_id: UUID, cause: str) -> None:
    """Have the open statement lines of a submission's account matched again after the commit.

    The bank's answer may explain what a statement showed before it; once for each cause.
    """
    outbox.enqueue(
        session,
        "payments.reconciliation.rematch",
        {"submission_id": str(submission_id)},
        key=f"{submission_id}/{cause}",
    )


def record_settled(
    session: Session, submission_id: UUID, run_id: UUID, amount_pence: int, day: date
) -> None:
    """Record that the debit for a submission is on the statement: its accepted payments are paid.

    Settled twice changes nothing.
    """
    session.execute(_LOCK_SUBMISSION, {"id": submission_id})
    values = {"id": submission_id, "day": day, "pence": amount_pence}
    if session.execute(_SETTLE, values).rowcount == 1:  # type: ignore[attr-defined]  # an UPDATE
        record_outcomes(session, submission_id, run_id, "paid", day, unless=["rejected"])
