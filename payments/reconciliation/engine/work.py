"""The work tables of one reconciliation: the lines to explain and the pairs found so far.

Both are temporary tables of the transaction, narrow beside the statement lines themselves, so that
a million lines are read once and joined several times.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Executable, text
from sqlalchemy.orm import Session

from payments.reconciliation.passes import DEFAULTS, Settings

# A million lines take longer than a page's statements may.
_LONGEST = text("SET LOCAL statement_timeout = '600s'")
_MEMORY = text("SET LOCAL work_mem = '256MB'")
_TABLES = text(
    """
    CREATE TEMP TABLE IF NOT EXISTS work_line (
      id uuid, statement_id uuid, amount bigint, booked date, kind text, end_to_end_id text,
      uetr text, batch_ref text, bank_ref text, key text, hash bytea, return_reason text
    ) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_left (LIKE work_line) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS work_free (LIKE expected_item) ON COMMIT DROP;
    CREATE TEMP TABLE IF NOT EXISTS match_pair (
      line_id uuid, target_type text, target_id uuid, run_id uuid, submission_id uuid,
      pence bigint, target_pence bigint, account text, rule text, alone boolean,
      id uuid DEFAULT match_id()
    ) ON COMMIT DROP;
    TRUNCATE work_line, work_left, work_free, match_pair;
    """
)
_KEY = """
    CASE WHEN :pattern = '' THEN l.reference_key
         ELSE coalesce(ltrim(regexp_replace(substring(upper(l.reference) FROM :pattern),
                                            '[^A-Z0-9]', '', 'g'), '0'), l.reference_key) END
"""
_NARROW = f"""
    INSERT INTO work_line
    SELECT l.id, l.statement_id, l.amount_pence, l.booking_date, l.kind, l.end_to_end_id, l.uetr,
           l.batch_ref, l.bank_ref, {_KEY}, l.counterparty_hash, l.return_reason
      FROM statement_line l
"""
# Where a person took a match back, only people decide about that line.
_UNTOUCHED = "NOT EXISTS (SELECT 1 FROM match m WHERE m.line_id = l.id AND m.state = 'undone')"
_OF_STATEMENT = text(f"{_NARROW} WHERE l.statement_id = :statement")
_OF_ACCOUNT = text(
    f"""{_NARROW} JOIN statement s ON s.id = l.statement_id AND s.state = 'reconciled'
     WHERE l.bank_account_id = :account AND {_UNTOUCHED}
       AND NOT EXISTS (SELECT 1 FROM line_allocation a
                        WHERE a.line_id = l.id AND a.allocated_pence > 0)
       AND NOT EXISTS (SELECT 1 FROM reconciliation_proposal p
                        WHERE p.line_id = l.id AND p.state = 'open')
       AND EXISTS (SELECT 1 FROM reconciliation_exception e
                    WHERE e.line_id = l.id AND e.state = 'open')
    """
)
_SOME = text(f"{_NARROW} WHERE l.id = ANY(cast(:lines AS uuid[]))")
_BETWEEN = text(
    f"{_NARROW} WHERE l.bank_account_id = :account AND l.booking_date BETWEEN :first AND :last"
    " AND NOT l.set_aside"
)
_ANALYZE = text("ANALYZE work_line")
_KEEP_LEFT = text(
    "INSERT INTO work_left SELECT * FROM work_line w"
    " WHERE NOT EXISTS (SELECT 1 FROM match_pair p WHERE p.line_id = w.id)"
)
_DROP_LINES = text(
    "DELETE FROM work_left w USING match_pair p WHERE p.line_id = w.id AND p.rule = :rule"
)
_DROP_ITEMS = text(
    "DELETE FROM work_free e USING match_pair p WHERE p.target_id = e.id AND p.rule = :rule"
)
_ANALYZE_PAIRS = text("ANALYZE match_pair")
_ANALYZE_LEFT = text("ANALYZE work_left, work_free")
_SPAN = text("SELECT min(booked) AS first, max(booked) AS last, count(*) AS lines FROM work_line")
_BOOKED = text("SELECT DISTINCT booked FROM work_line ORDER BY 1")


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


def take_statement(work: Work, statement_id: UUID) -> None:
    """Take all lines of a statement as the lines to explain."""
    _take(work, _OF_STATEMENT, {"statement": statement_id})


def take_open_lines(work: Work) -> None:
    """Take the account's lines that nothing explains and that no person works on."""
    _take(work, _OF_ACCOUNT, {"account": work.account_id})


def take_lines(work: Work, lines: list[UUID]) -> None:
    """Take some lines, whatever became of them."""
    _take(work, _SOME, {"lines": lines})


def take_days(work: Work, first: date, last: date) -> None:
    """Take the account's lines of some days, matched or not; for trying rules on history."""
    _take(work, _BETWEEN, {"account": work.account_id, "first": first, "last": last})


def _take(work: Work, statement: Executable, values: dict[str, object]) -> None:
    for prepare in (_LONGEST, _MEMORY, _TABLES):
        work.session.execute(prepare)
    work.session.execute(statement, values | {"pattern": work.settings.pattern})
    work.session.execute(_ANALYZE)


def keep_left(work: Work, items_left: Executable, values: dict[str, object]) -> None:
    """Keep what the exact keys left on both sides, so that the later passes plan for that."""
    work.session.execute(_ANALYZE_PAIRS)
    work.session.execute(_KEEP_LEFT)
    work.session.execute(items_left, values)
    work.session.execute(_ANALYZE_LEFT)


def drop_paired(work: Work, rule: str) -> None:
    """Take out of what is left all that a pass has brought together with anything."""
    work.session.execute(_DROP_LINES, {"rule": rule})
    work.session.execute(_DROP_ITEMS, {"rule": rule})


def get_span(work: Work) -> Span:
    """Return how many lines are taken, and how far from them a target may lie."""
    row = work.session.execute(_SPAN).one()
    first, last = row.first or date(2000, 1, 1), row.last or date(2000, 1, 1)
    return Span(row.lines, first - timedelta(days=400), last + timedelta(days=60))


def list_booked_days(work: Work) -> list[date]:
    """Return the booking days of the lines."""
    return list(work.session.execute(_BOOKED).scalars())
