"""The work tables of one reconciliation: the lines to explain and the pairs found so far.

All are temporary tables of the transaction. A statement that is large beside what is expected goes
through one hash join first (``bulk``), which leaves here only what it could not decide; everything
else is taken here whole, and what it may fit is found by index.

No plan depends on statistics: while pairs are looked for, tables are joined by hashing, each read
once, and what is to be found by index stands in a LATERAL that cannot be anything else.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation.passes import DEFAULTS, Settings

# A million lines take longer than a page's statements may.
_PREPARE = text(
    """
    SET LOCAL statement_timeout = '600s';
    SET LOCAL work_mem = '256MB';
    SET LOCAL plan_cache_mode = force_custom_plan
    """
)
# Groups are sorted: how many there are is never known beforehand, and a sort does not mind.
_HASH = text(
    "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off;"
    " SET LOCAL enable_hashagg = off"
)
_INDEX = text("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
_ANY = text(
    "SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = on;"
    " SET LOCAL enable_hashjoin = on; SET LOCAL enable_hashagg = on"
)
_TABLES = text(
    """
    CREATE TEMP TABLE IF NOT EXISTS work_line (
      id uuid, statement_id uuid, amount bigint, booked date, kind text, end_to_end_id text,
      uetr text, batch_ref text, bank_ref text, key text, hash bytea, return_reason text, rule text
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_free (
      id uuid, target_type text, amount bigint, due_on date, end_to_end_id text, uetr text,
      group_key text, key text
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_sent (
      id uuid, run_id uuid, submission_id uuid, amount bigint, day date, end_to_end_id text,
      key text, hash bytea
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_open (
      id uuid, run_id uuid, batch_ref text, pence bigint, processing_day date
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_fit (
      place bigint, line_ids uuid[], target_type text, item_ids uuid[], amount bigint, alone boolean
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS match_pair (
      line_id uuid, target_type text, target_id uuid, run_id uuid, submission_id uuid,
      pence bigint, target_pence bigint, account text, rule text, alone boolean
    ) ON COMMIT DROP;
    TRUNCATE work_line, work_free, work_sent, work_open, work_fit, match_pair;
    DROP TABLE IF EXISTS pg_temp.work_seen;
    CREATE TEMP TABLE work_seen (line_id uuid, item_id uuid, h bigint) ON COMMIT DROP
    """
)
KEY = """
    CASE WHEN :pattern = '' THEN l.reference_key
         ELSE coalesce(ltrim(regexp_replace(substring(upper(l.reference) FROM :pattern),
                                            '[^A-Z0-9]', '', 'g'), '0'), l.reference_key) END
"""
NARROW = f"""
    SELECT l.id, l.statement_id, l.amount_pence, l.booking_date, l.kind, l.end_to_end_id, l.uetr,
           l.batch_ref, l.bank_ref, {KEY}, l.counterparty_hash, l.return_reason, NULL
      FROM statement_line l
"""
_DROP_LINES = text(
    "UPDATE work_line w SET rule = :rule FROM (SELECT DISTINCT line_id FROM match_pair"
    " WHERE rule = :rule) p WHERE p.line_id = w.id"
)
_DROP_ITEMS = text(
    "DELETE FROM work_free e USING (SELECT DISTINCT target_id FROM match_pair"
    " WHERE rule = :rule) p WHERE p.target_id = e.id"
)
_SPAN = text("SELECT min(booked) AS first, max(booked) AS last, count(*) AS lines FROM work_line")
_BOOKED = text("SELECT DISTINCT booked FROM work_line WHERE rule IS NULL ORDER BY 1")


@dataclass(frozen=True)
class Work:
    """One account while it is reconciled, under one set of rules."""

    session: Session
    account_id: UUID
    body: str
    code: str
    now: datetime
    settings: Settings = DEFAULTS


@dataclass(frozen=True)
class Span:
    """How many lines there are, and the days between which their targets may lie."""

    count: int
    earliest: date
    latest: date


def make_tables(work: Work) -> None:
    """Make the work tables, or empty those of a statement before in this transaction."""
    work.session.execute(_PREPARE)
    work.session.execute(_TABLES)


def join_by_hash(work: Work) -> None:
    """Plan the statements that follow with every table read once, whatever statistics say."""
    work.session.execute(_HASH)


def join_by_index(work: Work) -> None:
    """Plan the statements that follow for a few rows found by index, whatever statistics say."""
    work.session.execute(_INDEX)


def join_freely(work: Work) -> None:
    """Leave plans to the planner again."""
    work.session.execute(_ANY)


def drop_paired(work: Work, rule: str) -> None:
    """Take out of what is left all that a pass has brought together with anything."""
    work.session.execute(_DROP_LINES, {"rule": rule})
    work.session.execute(_DROP_ITEMS, {"rule": rule})


def get_span(work: Work) -> Span:
    """Return how many lines are taken, and how far from them a target may lie."""
    row = work.session.execute(_SPAN).one()
    return make_span(row.first, row.last, row.lines)


def make_span(first: date | None, last: date | None, count: int) -> Span:
    """Return the days between which targets of lines of some days may lie."""
    first, last = first or date(2000, 1, 1), last or date(2000, 1, 1)
    return Span(count, first - timedelta(days=400), last + timedelta(days=60))


def list_booked_days(work: Work) -> list[date]:
    """Return the booking days of the lines that no pass has decided about."""
    return list(work.session.execute(_BOOKED).scalars())
