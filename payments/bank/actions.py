"""Bank accounts, submissions, and the facts that the bank tells about payments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.outcomes import OutcomeKind
from payments.ledger.actions import open_accounts
from payments.payees.bank_details import DetailsVault
from shared import outbox
from shared.errors import Conflict
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
# What is known of a payment is looked up by the payment: OFFSET 0 and IS TRUE keep the planner,
# which may take a submission for small, from reading all its outcomes for each payment.
_OUTCOMES = text(
    """
    WITH fresh AS (
      INSERT INTO bank_outcome (batch_id, payment_id, submission_id, kind, reason_code, reason,
                                occurred_on, report_id, round)
      SELECT :batch, i.payment_id, :submission, :kind, :code, :reason, :day, :report,
             -- Paid once more after it was taken back; by the payment's index (IS TRUE fences).
             CASE WHEN :kind = 'paid' THEN 1 + (
               SELECT count(*) FROM bank_outcome u
                WHERE u.payment_id = i.payment_id AND u.kind = 'unpaid'
                  AND (u.submission_id = :submission) IS TRUE) ELSE 1 END
        FROM submission_item i WHERE i.submission_id = :submission
         AND i.line_no BETWEEN :first AND :last
         AND (cast(:only AS uuid[]) IS NULL OR i.payment_id = ANY(:only))
         AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.payment_id = i.payment_id
                            AND (o.submission_id = :submission AND o.kind = ANY(:unless)) IS TRUE
                         OFFSET 0)
       ORDER BY i.line_no
      ON CONFLICT DO NOTHING RETURNING id)
    SELECT count(*) FROM fresh
    """
)
_UNPAID = text(
    """
    WITH fresh AS (
      INSERT INTO bank_outcome (batch_id, payment_id, submission_id, kind, reason_code, reason,
                                occurred_on, round)
      SELECT :batch, i.payment_id, :submission, 'unpaid',
             CASE WHEN said.accepted THEN 'accepted' ELSE 'submitted' END, '', :day, said.paid
        FROM submission_item i CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE o.kind = 'paid') AS paid,
                 count(*) FILTER (WHERE o.kind = 'unpaid') AS unpaid,
                 coalesce(bool_or(o.kind = 'accepted'), false) AS accepted
            FROM bank_outcome o
           WHERE o.payment_id = i.payment_id AND (o.submission_id = :submission) IS TRUE) said
       WHERE i.submission_id = :submission AND i.line_no BETWEEN :first AND :last
         AND (cast(:only AS uuid[]) IS NULL OR i.payment_id = ANY(:only))
         AND said.paid > said.unpaid
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
        "unless": list(unless),
    }
    last_line = session.execute(_LAST_LINE, {"id": submission_id}).scalar_one() or 0
    count = 0
    for part in _cut(last_line, only):
        batch = new_id()
        fresh = session.execute(_OUTCOMES, told | part | {"batch": batch}).scalar_one()
        _tell_run(session, run_id, batch, fresh)
        count += int(fresh)
    return count


def record_unsettled(
    session: Session,
    submission_id: UUID,
    run_id: UUID,
    day: date,
    *,
    only: Sequence[UUID] | None = None,
) -> int:
    """Take back that payments are paid, because the match with their statement line was undone.

    Those of a submission that are paid now, or of these only; returns how many. The runs get to
    know as with every answer, and a later match says again that they are paid. Twice changes
    nothing.
    """
    session.execute(_LOCK_SUBMISSION, {"id": submission_id})
    last_line = session.execute(_LAST_LINE, {"id": submission_id}).scalar_one() or 0
    count = 0
    for part in _cut(last_line, only):
        batch = new_id()
        values = part | {"batch": batch, "submission": submission_id, "day": day}
        fresh = session.execute(_UNPAID, values).scalar_one()
        _tell_run(session, run_id, batch, fresh)
        count += int(fresh)
    return count


def _tell_run(session: Session, run_id: UUID, batch: UUID, fresh: int) -> None:
    if fresh:
        payload = {"outcome_batch_id": str(batch), "run_id": str(run_id)}
        outbox.enqueue(session, "payments.runs.apply_outcomes", payload, key=str(batch))


def _cut(last_line: int, only: Sequence[UUID] | None) -> Iterator[dict[str, object]]:
    """Yield which lines and payments each batch is about; named payments are found by index."""
    if only is None:
        for first in range(1, last_line + 1, _BATCH):
            yield {"first": first, "last": first + _BATCH - 1, "only": None}
        return
    for first in range(0, len(only), _BATCH):
        yield {"first": 1, "last": last_line, "only": list(only[first : first + _BATCH])}


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
