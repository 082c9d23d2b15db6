"""The passes of matching, each one set-based statement (ledger contract 3.2).

Every pass returns all pairs that its rule allows, with how many targets the line has and how many
lines the target has. Only pairs that are alone on both sides become matches; the others are
ambiguous, and no later, weaker pass may decide them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank import calendar

_OPEN_SUBMISSIONS = """
    SELECT s.id, s.run_id, s.service_user_number || s.serial AS batch_ref,
           coalesce(s.accepted_pence, s.total_pence) AS pence,
           coalesce(s.reported_processing_day, s.processing_day) AS processing_day
      FROM submission s
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported')
       AND s.id <> ALL(cast(:taken AS uuid[]))
"""
_LINES = """
    SELECT l.* FROM statement_line l
     WHERE l.bank_account_id = :account AND l.id = ANY(cast(:lines AS uuid[]))
       AND l.id <> ALL(cast(:done AS uuid[]))
"""
_PAIRS = """
    SELECT line_id, target_id, run_id, pence, line_count, target_count
      FROM (SELECT p.*, count(*) OVER (PARTITION BY line_id) AS target_count,
                   count(*) OVER (PARTITION BY target_id) AS line_count FROM pairs p) counted
     ORDER BY line_id, target_id
"""
_RETURNABLE = """
    SELECT i.payment_id, i.account_hash, i.amount_pence, i.reference_key, s.processing_day,
           s.run_id
      FROM submission_item i JOIN submission s ON s.id = i.submission_id
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported', 'settled')
       AND i.payment_id <> ALL(cast(:taken AS uuid[]))
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.submission_id = s.id
                          AND o.payment_id = i.payment_id AND o.kind = 'rejected')
       AND NOT EXISTS (SELECT 1 FROM match m WHERE m.target_type = 'returned_payment'
                          AND m.target_id = i.payment_id AND m.state = 'live')
"""
_EXACT_KEY = text(
    f"""
    WITH open AS ({_OPEN_SUBMISSIONS}), lines AS ({_LINES}), pairs AS (
      SELECT l.id AS line_id, s.id AS target_id, s.run_id, s.pence FROM lines l JOIN open s
          ON s.batch_ref <> '' AND s.batch_ref IN (l.batch_ref, l.end_to_end_id)
         AND l.amount_pence = -s.pence)
    {_PAIRS}
    """
)
_CONTRA = text(
    f"""
    WITH open AS ({_OPEN_SUBMISSIONS}), lines AS ({_LINES}), days AS (
      SELECT * FROM unnest(cast(:processing AS date[]), cast(:entry AS date[]))
                    AS d(processing_day, entry_day)), pairs AS (
      SELECT l.id AS line_id, s.id AS target_id, s.run_id, s.pence FROM lines l
        JOIN days d ON d.entry_day = l.booking_date
        JOIN open s ON s.processing_day = d.processing_day AND l.amount_pence = -s.pence
       WHERE l.kind IN ('contra', 'debit')
         AND (l.batch_ref = '' OR NOT EXISTS (SELECT 1 FROM open o
                                               WHERE o.batch_ref = l.batch_ref)))
    {_PAIRS}
    """
)
_RETURNS = text(
    f"""
    WITH sent AS ({_RETURNABLE}), lines AS ({_LINES}), days AS (
      SELECT * FROM unnest(cast(:booked AS date[]), cast(:earliest AS date[]))
                    AS d(booked, earliest)), pairs AS (
      SELECT l.id AS line_id, i.payment_id AS target_id, i.run_id, i.amount_pence AS pence
        FROM lines l JOIN days d ON d.booked = l.booking_date
        JOIN sent i ON i.amount_pence = l.amount_pence AND i.account_hash = l.counterparty_hash
         AND i.reference_key = l.reference_key
         AND i.processing_day BETWEEN d.earliest AND l.booking_date
       WHERE l.kind = 'return')
    {_PAIRS}
    """
)
_REFERENCE = text(
    f"""
    WITH sent AS ({_RETURNABLE}), lines AS ({_LINES}), pairs AS (
      SELECT l.id AS line_id, i.payment_id AS target_id, i.run_id, i.amount_pence AS pence
        FROM lines l JOIN sent i ON i.amount_pence = l.amount_pence
         AND i.reference_key = l.reference_key AND i.processing_day <= l.booking_date
       WHERE l.amount_pence > 0 AND length(l.reference_key) >= 6)
    {_PAIRS}
    """
)
_DAYS = text(
    "SELECT DISTINCT coalesce(reported_processing_day, processing_day) FROM submission"
    " WHERE bank_account_id = :account AND state IN ('acknowledged', 'reported')"
)
_BOOKED = text("SELECT DISTINCT booking_date FROM statement_line WHERE id = ANY(:lines)")
_RETURN_WINDOW_DAYS = 10


@dataclass(frozen=True)
class Rule:
    """A pass: what it finds, with which score, and the reason people read."""

    id: str
    version: int
    target_type: str
    score: int
    reason: str


@dataclass(frozen=True)
class Pair:
    """A line and a target that a rule brought together."""

    line_id: UUID
    target_id: UUID
    run_id: UUID
    pence: int
    rule: Rule
    is_alone: bool


EXACT_KEY = Rule("exact-key", 1, "submission", 100, "batch reference and amount are the same")
CONTRA = Rule(
    "contra", 1, "submission", 95, "the file's accepted total on its entry day at this account"
)
RETURN = Rule(
    "return", 1, "returned_payment", 95, "returned by the bank: account, amount and reference"
)
REFERENCE = Rule("reference", 1, "returned_payment", 95, "normalised reference and amount")
PASSES = (EXACT_KEY, CONTRA, RETURN, REFERENCE)


def find_pairs(
    session: Session, rule: Rule, account_id: UUID, lines: Sequence[UUID], before: Sequence[Pair]
) -> list[Pair]:
    """Return the pairs that a rule allows among these lines of an account.

    Lines and targets in a pair of an earlier pass are left out.
    """
    values: dict[str, object] = {
        "account": account_id,
        "lines": list(lines),
        "done": [pair.line_id for pair in before],
        "taken": [pair.target_id for pair in before],
    }
    if rule is CONTRA:
        processing = list(session.execute(_DAYS, values).scalars())
        values |= {
            "processing": processing,
            "entry": [calendar.entry_day_for(day) for day in processing],
        }
    elif rule is RETURN:
        booked = list(session.execute(_BOOKED, values).scalars())
        values |= {"booked": booked, "earliest": [_earliest(day) for day in booked]}
    query = {EXACT_KEY: _EXACT_KEY, CONTRA: _CONTRA, RETURN: _RETURNS, REFERENCE: _REFERENCE}[rule]
    return [
        Pair(
            row.line_id,
            row.target_id,
            row.run_id,
            row.pence,
            rule,
            row.line_count == 1 and row.target_count == 1,
        )
        for row in session.execute(query, values)
    ]


def _earliest(booked: date) -> date:
    """Return the first processing day whose payments may still come back on a day."""
    try:
        return calendar.shift(booked, -_RETURN_WINDOW_DAYS)
    except ValueError:
        return booked - timedelta(days=2 * _RETURN_WINDOW_DAYS)
