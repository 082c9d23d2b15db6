"""Reconciles an account: continuity first, then the passes, then what each outcome books."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.bank.work.queries import find_advised
from payments.ledger import accounting
from payments.ledger.actions import post_entries
from payments.ledger.rules import bank_code, suspense_code, transfer
from payments.reconciliation.engine.explain import (
    close_exceptions,
    describe,
    explain,
    keep_exceptions,
    read_left,
)
from payments.reconciliation.engine.pairs import find_pairs, register_payments
from payments.reconciliation.engine.store import book_step, read_made, store_matches
from payments.reconciliation.engine.taking import take_open_lines, take_statement
from payments.reconciliation.engine.work import Work
from payments.reconciliation.passes import DEFAULTS, Settings
from payments.reconciliation.rules import ExceptionCode, StatementFacts, check_continuity

_LOCK_ACCOUNT = text("SELECT body, code FROM bank_account WHERE id = :id FOR UPDATE")
_SETTINGS = text(
    "SELECT version, pattern, window_days, return_days, commit_by_amount FROM matching_rules"
    " WHERE bank_account_id = :id AND state = 'active'"
)
_STATEMENTS = """
    SELECT s.id, s.sequence, s.opening_pence, s.closing_pence, s.to_date, s.from_date, s.state,
           coalesce((SELECT sum(amount_pence) FROM statement_line l WHERE l.statement_id = s.id),
                    0)::bigint AS movement_pence,
           EXISTS (SELECT 1 FROM reconciliation_proposal p WHERE p.statement_id = s.id
                      AND p.kind = 'accept_statement' AND p.state = 'approved') AS accepted
      FROM statement s WHERE s.bank_account_id = :account
"""
_LAST = text(
    f"{_STATEMENTS} AND s.state = 'reconciled'"
    " ORDER BY s.sequence DESC NULLS LAST, s.to_date DESC, s.id DESC LIMIT 1"
)
_WAITING = text(
    f"{_STATEMENTS} AND s.state NOT IN ('reconciled', 'set_aside')"
    " ORDER BY s.sequence NULLS FIRST, s.to_date, s.identification, s.id"
)
_MARK = text("UPDATE statement SET state = :state WHERE id = :id AND state <> :state")
_CLOSE_GAPS = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now, resolution = :how"
    " WHERE statement_id = :statement AND line_id IS NULL AND state = 'open'"
)
_STATES = {"BALANCE_MISMATCH": "mismatch", "STATEMENT_GAP": "gap", "TOTALS_WRONG": "totals"}


def open_work(session: Session, account_id: UUID, now: datetime) -> Work:
    """Lock an account for reconciling, with its rules in force; a second process waits here."""
    account = session.execute(_LOCK_ACCOUNT, {"id": account_id}).one()
    rules = session.execute(_SETTINGS, {"id": account_id}).one_or_none()
    settings = DEFAULTS if rules is None else Settings(*rules)
    return Work(session, account_id, account.body, account.code, now, settings)


def reconcile_account(session: Session, account_id: UUID, now: datetime) -> int:
    """Reconcile the statements of an account that wait, oldest first; returns how many were done.

    Stops at the first that does not continue the one before, and says so as an exception: nothing
    of it or after it is matched or booked, until it is resolved or two people accept it. One from
    before what is reconciled already can never have its turn: it is set aside the same way and
    stops nothing that follows. Safe to run again; one process at a time per account.
    """
    work = open_work(session, account_id, now)
    last = session.execute(_LAST, {"account": account_id}).one_or_none()
    before = None if last is None else _facts(last)
    done = 0
    for row in session.execute(_WAITING, {"account": account_id}).all():
        this = _facts(row)
        fault = _fault_of(row.state, before, this)
        if fault is not None and not row.accepted:
            session.execute(_MARK, {"id": row.id, "state": _STATES[fault[0]]})
            keep_exceptions(work, [describe(work, row.id, *fault, abs(this.movement_pence))])
            if _is_late(before, this):
                continue
            break
        if before is None and this.opening_pence:
            accounting.post_opening_balance(
                session, work.body, work.code, row.id, this.opening_pence, row.from_date
            )
        if fault is not None:
            _book_difference(work, row.id, before, this)
        _reconcile_statement(work, row.id)
        session.execute(_MARK, {"id": row.id, "state": "reconciled"})
        how = "accepted" if fault is not None else "continued"
        session.execute(_CLOSE_GAPS, {"statement": row.id, "now": now, "how": how})
        before = before if _is_late(before, this) else this
        done += 1
    return done


def rematch_account(session: Session, account_id: UUID, now: datetime) -> int:
    """Match once more the lines of an account that nothing explained; returns how many now do.

    For a debit or a return that was on a statement before the bank's answer about its submission
    was known, and for rules put into force. What had gone to suspense is reversed together with
    the new match. A line that fits more than one target stays where it is, as ambiguous; one that
    a person works on or took a match back from is left to people. Safe to run again; one process
    at a time per account.
    """
    work = open_work(session, account_id, now)
    register_payments(work)
    take_open_lines(work)
    find_pairs(work)
    matched: set[UUID] = set()
    if store_matches(work):
        for rows in read_made(work):
            close_exceptions(work, [row.line_id for row in rows], "matched")
            book_step(work, rows, rematch=True)
            keep_exceptions(work, _returned(work, rows))
            matched |= {row.line_id for row in rows}
    for lines in read_left(work):
        explained = [explain(work, line) for line in lines]
        unsure = [one for one in explained if one["code"] == "AMB"]
        close_exceptions(work, [one["line"] for one in unsure], "ambiguous", ["AMB"])  # type: ignore[misc]  # a described exception names its line
        keep_exceptions(work, unsure)
    return len(matched)


def _facts(row: object) -> StatementFacts:
    return StatementFacts(**{name: getattr(row, name) for name in StatementFacts.__annotations__})


def _is_late(before: StatementFacts | None, this: StatementFacts) -> bool:
    """Tell whether a statement is from before what is reconciled already."""
    return before is not None and this.to_date < before.to_date


def _fault_of(
    state: str, before: StatementFacts | None, this: StatementFacts
) -> tuple[ExceptionCode, str] | None:
    if state == "totals":
        return "TOTALS_WRONG", "the file's control totals contradict its records"
    return check_continuity(before, this)


def _book_difference(
    work: Work, statement_id: UUID, before: StatementFacts | None, this: StatementFacts
) -> None:
    """Book what an accepted statement does not explain to suspense, so that ledger equals bank."""
    difference = 0
    if _is_late(before, this):
        # What came before is in later balances already.
        difference = -this.movement_pence
    else:
        last = None if before is None else before.closing_pence
        if this.opening_pence is not None and last is not None:
            difference += this.opening_pence - last
        if this.opening_pence is not None and this.closing_pence is not None:
            difference += this.closing_pence - this.opening_pence - this.movement_pence
    if difference == 0:
        return
    sides = (bank_code(work.code), suspense_code(work.code))
    debit, credit = sides if difference > 0 else sides[::-1]
    draft = transfer(
        "statement.accepted", str(statement_id), this.to_date, debit, credit, abs(difference)
    )
    post_entries(work.session, work.body, [draft], f"difference of statement {statement_id}")


def _reconcile_statement(work: Work, statement_id: UUID) -> None:
    register_payments(work)
    take_statement(work, statement_id)
    find_pairs(work)
    if store_matches(work):
        for rows in read_made(work):
            book_step(work, rows, rematch=False)
            keep_exceptions(work, _returned(work, rows))
    for lines in read_left(work):
        accounting.post_unidentified(
            work.session,
            work.body,
            work.code,
            [(line.id, line.amount_pence, line.booking_date) for line in lines],
        )
        keep_exceptions(work, [explain(work, line) for line in lines])


def _returned(work: Work, rows: Sequence[Row[tuple[object, ...]]]) -> list[dict[str, object]]:
    """Describe what came back before any advice of it; what was advised is work already."""
    came_back = [row for row in rows if row.target_type == "returned_payment"]
    advised = find_advised(work.session, [row.target_id for row in came_back])
    return [
        describe(
            work,
            row.statement_id,
            "RETURN",
            f"the payment came back ({row.return_reason or 'no reason given'})",
            abs(row.signed_pence),
            line_id=row.line_id,
            payment=row.target_id,
        )
        for row in came_back
        if row.target_id not in advised
    ]
