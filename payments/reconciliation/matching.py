"""Reconciles an account: continuity first, then the passes, then what each outcome books."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank import calendar
from payments.bank.actions import record_settled
from payments.ledger import accounting
from payments.reconciliation.passes import PASSES, Pair, find_pairs
from payments.reconciliation.rules import (
    SEVERITIES,
    ExceptionCode,
    StatementFacts,
    check_continuity,
)
from shared import audit
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.ids import new_id

_LOCK_ACCOUNT = text("SELECT body, code FROM bank_account WHERE id = :id FOR UPDATE")
_STATEMENTS = """
    SELECT s.id, s.sequence, s.opening_pence, s.closing_pence, s.to_date, s.from_date,
           coalesce((SELECT sum(amount_pence) FROM statement_line l WHERE l.statement_id = s.id),
                    0)::bigint AS movement_pence
      FROM statement s WHERE s.bank_account_id = :account
"""
_LAST = text(
    f"{_STATEMENTS} AND s.state = 'reconciled'"
    " ORDER BY s.sequence DESC NULLS LAST, s.to_date DESC, s.id DESC LIMIT 1"
)
_WAITING = text(
    f"{_STATEMENTS} AND s.state <> 'reconciled'"
    " ORDER BY s.sequence NULLS FIRST, s.to_date, s.identification, s.id"
)
_MARK = text("UPDATE statement SET state = :state WHERE id = :id")
_LINES = text(
    """
    SELECT id, statement_id, amount_pence, booking_date, kind, return_reason, occurrence
      FROM statement_line WHERE statement_id = :statement ORDER BY seq
    """
)
_OPEN_LINES = text(
    """
    SELECT l.id, l.statement_id, l.amount_pence, l.booking_date, l.kind, l.return_reason,
           l.occurrence
      FROM statement_line l JOIN statement s ON s.id = l.statement_id
     WHERE l.bank_account_id = :account AND s.state = 'reconciled' AND l.allocated_pence = 0
       AND EXISTS (SELECT 1 FROM reconciliation_exception e
                    WHERE e.line_id = l.id AND e.state = 'open')
     ORDER BY s.to_date, l.statement_id, l.seq
    """
)
_MATCHES = text(
    """
    INSERT INTO match (id, line_id, target_type, target_id, amount_pence, rule_id, rule_version,
                       score, reason, decided_by, decided_at)
    SELECT u.*, 'rules', :now
      FROM unnest(cast(:ids AS uuid[]), cast(:lines AS uuid[]), cast(:types AS text[]),
             cast(:targets AS uuid[]), cast(:amounts AS bigint[]), cast(:rules AS text[]),
             cast(:versions AS smallint[]), cast(:scores AS smallint[]), cast(:reasons AS text[]))
           AS u(a, b, c, d, e, f, g, h, i)
    """
)
_ALLOCATE_LINES = text(
    "UPDATE statement_line SET allocated_pence = allocated_pence + abs(amount_pence)"
    " WHERE id = ANY(:lines)"
)
_ALLOCATE_TARGETS = text(
    """
    INSERT INTO match_target (target_type, target_id, amount_pence, allocated_pence)
    SELECT u.type, u.target, u.amount, u.amount
      FROM unnest(cast(:types AS text[]), cast(:targets AS uuid[]), cast(:amounts AS bigint[]))
           AS u(type, target, amount) ORDER BY 1, 2
    ON CONFLICT (target_type, target_id)
    DO UPDATE SET allocated_pence = match_target.allocated_pence + excluded.allocated_pence
    """
)
_EXCEPTION = text(
    """
    INSERT INTO reconciliation_exception (id, body, bank_account_id, statement_id, line_id,
      payment_id, code, severity, value_pence, reason, candidates, due_on, created_at)
    VALUES (:id, :body, :account, :statement, :line, :payment, :code, :severity, :pence, :reason,
            cast(:candidates AS jsonb), :due, :now)
    ON CONFLICT DO NOTHING
    """
)
_CLOSE_GAPS = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now"
    " WHERE statement_id = :statement AND line_id IS NULL AND state = 'open'"
)
_CLOSE_OF_LINES = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now"
    " WHERE line_id = ANY(:lines) AND code <> :besides AND state = 'open'"
)
_DAYS_TO_ACT = 3


class _Line(NamedTuple):
    id: UUID
    statement_id: UUID
    amount_pence: int
    booking_date: date
    kind: str
    return_reason: str
    occurrence: int


@dataclass(frozen=True)
class _Work:
    """One account while it is reconciled."""

    session: Session
    account_id: UUID
    body: str
    code: str
    now: datetime


def reconcile_account(session: Session, account_id: UUID, now: datetime) -> int:
    """Reconcile the statements of an account that wait, oldest first; returns how many were done.

    Stops at the first that does not continue the one before, and says so as an exception: nothing
    of it or after it is matched or booked. One from before what is reconciled already can never
    have its turn: it is set aside the same way and stops nothing that follows. Safe to run again;
    one process at a time per account.
    """
    account = session.execute(_LOCK_ACCOUNT, {"id": account_id}).one()
    work = _Work(session, account_id, account.body, account.code, now)
    last = session.execute(_LAST, {"account": account_id}).one_or_none()
    before = None if last is None else _facts(last)
    done = 0
    for row in session.execute(_WAITING, {"account": account_id}).all():
        this = _facts(row)
        fault = check_continuity(before, this)
        if fault is not None:
            state = "mismatch" if fault[0] == "BALANCE_MISMATCH" else "gap"
            session.execute(_MARK, {"id": row.id, "state": state})
            _raise(work, [_describe(work, row.id, *fault, abs(this.movement_pence))])
            if before is not None and this.to_date < before.to_date:
                continue
            break
        if before is None and this.opening_pence:
            accounting.post_opening_balance(
                session, work.body, work.code, row.id, this.opening_pence, row.from_date
            )
        _reconcile_statement(work, row.id)
        session.execute(_MARK, {"id": row.id, "state": "reconciled"})
        session.execute(_CLOSE_GAPS, {"statement": row.id, "now": now})
        before = this
        done += 1
    return done


def rematch_account(session: Session, account_id: UUID, now: datetime) -> int:
    """Match once more the lines of an account that nothing explained; returns how many now do.

    For a debit or a return that was on a statement before the bank's answer about its submission
    was known. What had gone to suspense is reversed together with the new match. A line that fits
    more than one payment stays where it is, as ambiguous. Safe to run again; one process at a time
    per account.
    """
    account = session.execute(_LOCK_ACCOUNT, {"id": account_id}).one()
    work = _Work(session, account_id, account.body, account.code, now)
    lines = {row.id: _Line(*row) for row in session.execute(_OPEN_LINES, {"account": account_id})}
    matched, ambiguous = _find(work, list(lines))
    _close(work, list(matched), "")
    for line_id, pair in matched.items():
        accounting.post_identified(session, work.body, line_id, lines[line_id].booking_date)
        facts = {"rule": pair.rule.id, "target_type": pair.rule.target_type}
        facts["target_id"] = str(pair.target_id)
        audit.record(
            session, SYSTEM, "reconciliation.line.rematched", "statement_line", line_id, facts
        )
    _book_matches(work, [(lines[line_id], pair) for line_id, pair in matched.items()])
    unsure = [line_id for line_id in ambiguous if line_id not in matched]
    _close(work, unsure, "AMB")
    _raise(work, [_explain(work, lines[line_id], ambiguous[line_id]) for line_id in unsure])
    return len(matched)


def _close(work: _Work, lines: Sequence[UUID], besides: str) -> None:
    values = {"lines": list(lines), "besides": besides, "now": work.now}
    work.session.execute(_CLOSE_OF_LINES, values)


def _facts(row: object) -> StatementFacts:
    return StatementFacts(**{name: getattr(row, name) for name in StatementFacts.__annotations__})


def _reconcile_statement(work: _Work, statement_id: UUID) -> None:
    lines = {
        row.id: _Line(*row) for row in work.session.execute(_LINES, {"statement": statement_id})
    }
    matched, ambiguous = _find(work, list(lines))
    _book_matches(work, [(lines[one.line_id], one) for one in matched.values()])
    left = [line for line in lines.values() if line.id not in matched]
    accounting.post_unidentified(
        work.session,
        work.body,
        work.code,
        [(line.id, line.amount_pence, line.booking_date) for line in left],
    )
    _raise(work, [_explain(work, line, ambiguous.get(line.id, ())) for line in left])


def _find(work: _Work, lines: Sequence[UUID]) -> tuple[dict[UUID, Pair], dict[UUID, list[Pair]]]:
    """Run the passes over lines; returns what each matched, and what is ambiguous."""
    matched: dict[UUID, Pair] = {}
    ambiguous: dict[UUID, list[Pair]] = defaultdict(list)
    before: list[Pair] = []
    for rule in PASSES:
        found = find_pairs(work.session, rule, work.account_id, lines, before)
        before += found
        for pair in found:
            if pair.is_alone:
                matched[pair.line_id] = pair
            else:
                ambiguous[pair.line_id].append(pair)
    if matched:
        _store_matches(work, list(matched.values()))
    return matched, ambiguous


def _store_matches(work: _Work, pairs: Sequence[Pair]) -> None:
    columns = {
        "types": [pair.rule.target_type for pair in pairs],
        "targets": [pair.target_id for pair in pairs],
        "amounts": [pair.pence for pair in pairs],
        "lines": [pair.line_id for pair in pairs],
    }
    work.session.execute(
        _MATCHES,
        columns
        | {
            "ids": [new_id() for _ in pairs],
            "rules": [pair.rule.id for pair in pairs],
            "versions": [pair.rule.version for pair in pairs],
            "scores": [pair.rule.score for pair in pairs],
            "reasons": [pair.rule.reason for pair in pairs],
            "now": work.now,
        },
    )
    work.session.execute(_ALLOCATE_LINES, columns)
    work.session.execute(_ALLOCATE_TARGETS, columns)


def _book_matches(work: _Work, found: Sequence[tuple[_Line, Pair]]) -> None:
    returns = []
    for line, pair in found:
        if pair.rule.target_type == "submission":
            numbers = (pair.run_id, pair.target_id)
            accounting.post_contra_seen(
                work.session, work.body, *numbers, work.code, pair.pence, line.booking_date
            )
            record_settled(work.session, pair.target_id, pair.run_id, pair.pence, line.booking_date)
        else:
            returns.append((line, pair))
    accounting.post_returns_received(
        work.session,
        work.body,
        work.code,
        [(pair.target_id, pair.pence, line.booking_date) for line, pair in returns],
    )
    _raise(
        work,
        [
            _describe(
                work,
                line.statement_id,
                "RETURN",
                f"the payment came back ({line.return_reason or 'no reason given'})",
                pair.pence,
                line_id=line.id,
                payment=pair.target_id,
            )
            for line, pair in returns
        ],
    )


def _explain(work: _Work, line: _Line, pairs: Sequence[Pair]) -> dict[str, object]:
    code: ExceptionCode
    if pairs:
        code, reason = "AMB", f"{len(pairs)} pairs fit equally well: none was chosen"
    elif line.kind == "return":
        code, reason = "RETURN_NO_ORIGINAL", "a returned credit that fits no payment of ours"
    elif line.kind == "contra":
        code, reason = "AMT", "a Bacs debit that equals no submission's accepted total"
    elif line.occurrence > 1:
        code, reason = "DUPLICATE_LINE", "the statement has the same line before"
    else:
        code, reason = "UNMATCHED_LINE", "nothing of ours explains this line"
    candidates: list[dict[str, object]] = [
        {
            "target_type": pair.rule.target_type,
            "target_id": str(pair.target_id),
            "rule": pair.rule.id,
            "score": pair.rule.score,
            "reason": pair.rule.reason,
        }
        for pair in pairs
    ]
    return _describe(
        work,
        line.statement_id,
        code,
        reason,
        abs(line.amount_pence),
        line_id=line.id,
        candidates=candidates,
    )


def _raise(work: _Work, exceptions: Sequence[dict[str, object]]) -> None:
    if exceptions:
        work.session.execute(_EXCEPTION, list(exceptions))


def _describe(
    work: _Work,
    statement_id: UUID,
    code: ExceptionCode,
    reason: str,
    pence: int,
    *,
    line_id: UUID | None = None,
    payment: UUID | None = None,
    candidates: Sequence[dict[str, object]] = (),
) -> dict[str, object]:
    return {
        "id": new_id(),
        "body": work.body,
        "account": work.account_id,
        "statement": statement_id,
        "line": line_id,
        "payment": payment,
        "code": code,
        "severity": SEVERITIES[code],
        "pence": pence,
        "reason": reason,
        "candidates": json.dumps(list(candidates)),
        "due": calendar.shift(london_date(work.now), _DAYS_TO_ACT),
        "now": work.now,
    }
