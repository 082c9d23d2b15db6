"""Reads of what the bank took over and no statement shows.

A file whose debit is one line is awaited as one; payments that the bank debits one by one are
awaited each by itself. Everything starts from the few submissions that are not settled, by their
index, so what was matched long ago costs nothing.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank import calendar
from payments.reconciliation.awaited.rules import DEFAULT_DAYS, Age, group_ages

_DAYS_OF_FILES = text(
    """
    SELECT DISTINCT coalesce(reported_processing_day, processing_day) FROM submission
     WHERE body = :body AND state IN ('acknowledged','reported')
    """
)
# The access paths are those of keys, however few rows the planner believes in (IS TRUE fences).
AWAITED = """
    WITH sent AS MATERIALIZED (
      SELECT s.id, s.run_id, s.body, s.bank_account_id, s.serial,
             coalesce(s.accepted_count, s.payment_count) AS payments,
             coalesce(s.accepted_pence, s.total_pence) - coalesce(t.allocated_pence, 0) AS pence,
             CASE WHEN s.rail = 'bacs' THEN d.entry_day ELSE d.processing_day END AS due_on
        FROM submission s
        JOIN unnest(cast(:processing AS date[]), cast(:entry AS date[]))
             AS d(processing_day, entry_day)
          ON d.processing_day = coalesce(s.reported_processing_day, s.processing_day)
        LEFT JOIN match_target t ON t.target_type = 'submission' AND t.target_id = s.id
       WHERE s.body = :body AND s.state IN ('acknowledged','reported')
         AND coalesce(s.accepted_pence, s.total_pence) > coalesce(t.allocated_pence, 0)
    ), awaited AS (
      SELECT s.id AS target_id, cast(NULL AS uuid) AS payment_id, s.id AS submission_id, s.run_id,
             s.bank_account_id, s.serial, cast('' AS text) AS reference, s.payments, s.pence,
             s.due_on
        FROM sent s
       WHERE NOT EXISTS (SELECT 1 FROM expected_item e WHERE e.submission_id = s.id)
      UNION ALL
      SELECT e.id, e.id, s.id, s.run_id, s.bank_account_id, s.serial, e.reference, 1,
             abs(e.amount_pence) - coalesce(t.allocated_pence, 0), e.due_on
        FROM sent s JOIN expected_item e ON e.submission_id = s.id AND e.target_type = 'payment'
        LEFT JOIN match_target t ON t.target_type = 'payment' AND t.target_id = e.id
       WHERE abs(e.amount_pence) > coalesce(t.allocated_pence, 0)
         AND NOT EXISTS (SELECT 1 FROM bank_outcome o
                          WHERE o.payment_id = e.id AND o.kind IN ('rejected','refused')
                            AND (o.submission_id = s.id) IS TRUE))
"""
_BY_DAY = text(
    f"{AWAITED} SELECT due_on, count(*) AS lines, sum(pence)::bigint AS pence FROM awaited"
    " WHERE due_on <= :today GROUP BY 1"
)
_LIST = text(
    f"""{AWAITED}
    SELECT a.target_id, a.payment_id, a.submission_id, a.run_id, b.code AS account_code, a.serial,
           a.reference, a.payments, a.pence, a.due_on, p.public_id,
           e.id IS NOT NULL AS is_late, coalesce(e.owner_name, '') AS owner
      FROM (SELECT * FROM awaited WHERE due_on <= :today
             ORDER BY due_on, target_id LIMIT :limit OFFSET :skip) a
      JOIN bank_account b ON b.id = a.bank_account_id
      LEFT JOIN payment p ON p.id = a.payment_id
      LEFT JOIN reconciliation_exception e ON e.target_id = a.target_id
       AND e.code = 'UNMATCHED_PAYMENT' AND e.state = 'open'
     ORDER BY a.due_on, a.target_id
    """
)
_SETTING = text("SELECT unmatched_days FROM reconciliation_setting WHERE body = :body")
_ACCOUNTS = text(
    """
    SELECT DISTINCT body, bank_account_id AS account_id FROM submission
     WHERE state IN ('acknowledged','reported')
    UNION
    SELECT body, bank_account_id FROM reconciliation_exception
     WHERE code = 'UNMATCHED_PAYMENT' AND state = 'open' ORDER BY 1, 2
    """
)


@dataclass(frozen=True)
class Awaited:
    """A line that the bank owes us: the debit of a file, or of one payment; pence still open."""

    target_id: UUID
    payment_id: UUID | None
    submission_id: UUID
    run_id: UUID
    account_code: str
    serial: str
    reference: str
    payments: int
    pence: int
    due_on: date
    public_id: str | None
    is_late: bool
    owner: str


def get_unmatched_days(session: Session, body: str) -> int:
    """Return after how many working days a body calls a payment without its line late."""
    found: int | None = session.execute(_SETTING, {"body": body}).scalar_one_or_none()
    return DEFAULT_DAYS if found is None else found


def list_accounts(session: Session) -> list[tuple[str, UUID]]:
    """Return body and id of each bank account that may await something."""
    return [(row.body, row.account_id) for row in session.execute(_ACCOUNTS)]


def count_by_age(session: Session, body: str, today: date) -> list[Age]:
    """Return how much a body awaits that was due by today, by age."""
    rows = session.execute(_BY_DAY, get_days(session, body) | {"today": today})
    return group_ages({row.due_on: (row.lines, row.pence) for row in rows}, today)


def list_awaited(
    session: Session, body: str, today: date, *, limit: int, skip: int = 0
) -> list[Awaited]:
    """Return what a body awaits that was due by today, the oldest first."""
    values = get_days(session, body) | {"today": today, "limit": limit, "skip": skip}
    return [Awaited(**row) for row in session.execute(_LIST, values).mappings()]


def get_days(session: Session, body: str) -> dict[str, object]:
    """Return the values that every read of what is awaited needs."""
    days = list(session.execute(_DAYS_OF_FILES, {"body": body}).scalars())
    entry = [calendar.entry_day_for(day) for day in days]
    return {"body": body, "processing": days, "entry": entry}
