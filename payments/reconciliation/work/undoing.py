"""Taking a match back: line, target, ledger and payments are as they were before it.

What the match had settled is open again: a submission waits for its debit, its payments are not
paid any more, their run is not finished. It is said by records that reverse, never by removing any.
"""

from uuid import UUID

from sqlalchemy import Row, text

from payments.bank.actions import record_unsettled
from payments.ledger import rules as ledger
from payments.ledger.actions import post_entries
from payments.ledger.rules import EntryDraft, Line, bank_code
from payments.reconciliation.engine.booking import Booked, unbook_matches
from payments.reconciliation.engine.explain import close_exceptions, describe, keep_exceptions
from payments.reconciliation.engine.work import Work
from payments.reconciliation.work.actions import Desk, lock_line, tell_line
from payments.reconciliation.work.notes import check_words
from shared.clock import london_date
from shared.errors import Conflict, NotFound

_UNDO = text(
    "UPDATE match SET state = 'undone', undone_by = :by, undone_at = :now, undo_reason = :reason"
    " WHERE id = :id AND state = 'live'"
)
_FIND_MATCH = text(
    """
    SELECT m.id, m.line_id, m.target_type, m.target_id, m.run_id, m.amount_pence,
           e.submission_id, coalesce(e.ledger_account, p.account_code) AS account
      FROM match m JOIN statement_line l ON l.id = m.line_id
      JOIN statement s ON s.id = l.statement_id
      LEFT JOIN expected_item e ON e.id = m.target_id
       AND m.target_type IN ('payment', 'expected_item')
      LEFT JOIN reconciliation_proposal p ON p.id = m.target_id AND m.target_type = 'write_off'
     WHERE m.id = :id AND s.body = :body
    """
)
_IS_SETTLED = text("SELECT state = 'settled' FROM submission WHERE id = :id FOR UPDATE")
_ACCOUNTS = {"submission": "in_transit", "returned_payment": "returns_receivable"}


def undo_match(desk: Desk, match_id: UUID, reason: str) -> UUID:
    """Take a match back by a reversing record, with a reason; returns the line.

    The line, the target and the ledger are as before; the line is in suspense and open again, and
    no rule decides about it any more. Payments that the match had made paid wait for their debit
    again, their run with them, and listeners are told.

    Raises:
        NotFound: no such match of this body.
        Invalid: no reason.
        Conflict: ``match_undone`` already.
    """
    words = check_words(reason, "undo_reason")
    row = desk.session.execute(_FIND_MATCH, {"id": match_id, "body": desk.body}).one_or_none()
    if row is None:
        raise NotFound("no_such_match", "There is no such match")
    work, line = lock_line(desk, row.line_id, explained=True)
    values = {"id": match_id, "by": desk.actor.id, "now": desk.now, "reason": words}
    done = desk.session.execute(_UNDO, values)
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise Conflict("match_undone", "This match was taken back already")
    booked = Booked(
        row.id,
        row.line_id,
        row.target_type,
        row.target_id,
        row.run_id,
        row.submission_id,
        row.amount_pence if line.amount_pence > 0 else -row.amount_pence,
        row.account or _ACCOUNTS.get(row.target_type, ""),
        line.booking_date,
    )
    _unbook(work, row, booked)
    close_exceptions(work, [line.id], "taken back")
    keep_exceptions(
        work,
        [
            describe(
                work,
                line.statement_id,
                "UNMATCHED_LINE",
                "a match of this line was taken back",
                row.amount_pence,
                line_id=line.id,
            )
        ],
    )
    tell_line(desk, line.id, "match_undone", words, {"match": str(match_id)})
    return line.id


def _unbook(work: Work, row: Row[tuple[object, ...]], booked: Booked) -> None:
    """Book the match back, and say of its payments that they are not paid after all."""
    session, today = work.session, london_date(work.now)
    sent = row.target_id if row.target_type == "submission" else row.submission_id
    was_settled = bool(
        sent is not None and session.execute(_IS_SETTLED, {"id": sent}).scalar_one_or_none()
    )
    unbook_matches(session, work.body, work.code, [booked], today)
    if booked.run_id is None or sent is None:
        return
    if row.target_type == "payment":
        if was_settled:
            _reserve(work, booked)
        record_unsettled(session, sent, booked.run_id, today, only=[booked.target_id])
    elif was_settled:
        record_unsettled(session, sent, booked.run_id, today)


def _reserve(work: Work, one: Booked) -> None:
    """Reserve one payment's money again: all of its run's was freed when the last was paid."""
    pence = abs(one.signed_pence)
    lines = (
        Line(ledger.IN_TRANSIT, pence, pending=True),
        Line(bank_code(work.code), -pence, pending=True),
    )
    event = f"{one.run_id}/undone-{one.match_id}"
    draft = EntryDraft("run.reserved", event, london_date(work.now), lines, "pending")
    post_entries(work.session, work.body, [draft], f"match {one.match_id} undone")
