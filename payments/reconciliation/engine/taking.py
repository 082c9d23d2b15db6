"""Takes the lines to explain, and beside them what they may fit."""

from datetime import date
from uuid import UUID

from sqlalchemy import Executable, text

from payments.reconciliation import passes
from payments.reconciliation.engine.bulk import join_statement
from payments.reconciliation.engine.offers import (
    gather_items,
    is_large,
    list_closed,
    open_submissions,
)
from payments.reconciliation.engine.work import (
    NARROW,
    Work,
    get_span,
    join_by_hash,
    join_freely,
    make_span,
    make_tables,
)

_COUNT = text("SELECT line_count FROM statement WHERE id = :statement")
_DAYS = text(
    "SELECT min(booking_date) AS first, max(booking_date) AS last"
    " FROM statement_line WHERE statement_id = :statement"
)
_NARROW = f"INSERT INTO work_line {NARROW}"
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
_BATCH_KEY = text(
    f"""
    INSERT INTO match_pair
    SELECT l.id, 'submission', s.id, s.run_id, s.id, s.pence, s.pence, 'in_transit',
           '{passes.EXACT_KEY.id}', true
      FROM work_line l JOIN work_open s ON s.batch_ref <> '' AND l.amount = -s.pence
       AND s.batch_ref IN (l.batch_ref, l.end_to_end_id)
    """
)


def take_statement(work: Work, statement_id: UUID) -> None:
    """Take all lines of a statement as the lines to explain.

    Of a statement that is large beside what is expected, the lines with one exact partner are
    paired at once.
    """
    lines = work.session.execute(_COUNT, {"statement": statement_id}).scalar_one()
    if lines and is_large(work, lines):
        row = work.session.execute(_DAYS, {"statement": statement_id}).one()
        join_statement(work, statement_id, make_span(row.first, row.last, lines))
    else:
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
    make_tables(work)
    work.session.execute(statement, values | {"pattern": work.settings.pattern})
    span = get_span(work)
    if span.count == 0:
        return
    submissions = open_submissions(work)
    join_by_hash(work)
    if submissions:
        work.session.execute(_BATCH_KEY)
    days = {"earliest": span.earliest, "latest": span.latest}
    gather_items(work, span, {"account": work.account_id, "closed": list_closed(work)} | days)
    join_freely(work)
