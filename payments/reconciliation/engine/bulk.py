"""The exact pass over a large statement: one hash join decides nearly all of its lines.

Lines and expected items are joined in full by end-to-end id and amount. A pair whose key makes no
other pair is sure and stays in ``work_seen``; nothing but its two ids is written. What has no
partner comes out of the same join with all that the finer passes look at, and what has more than
one is left to them too. The join reads permanent tables only, so that workers can share it.
"""

from uuid import UUID

from sqlalchemy import text

from payments.reconciliation import passes
from payments.reconciliation.engine.offers import (
    ITEM_COLUMNS,
    OPEN_ITEMS,
    list_closed,
    list_taken,
    open_submissions,
)
from payments.reconciliation.engine.work import (
    KEY,
    NARROW,
    Span,
    Work,
    join_by_hash,
    join_freely,
    make_tables,
)

_BATCH_KEY = text(
    f"""
    INSERT INTO match_pair
    SELECT l.id, 'submission', s.id, s.run_id, s.id, s.pence, s.pence, 'in_transit',
           '{passes.EXACT_KEY.id}', true
      FROM statement_line l JOIN work_open s ON s.batch_ref <> '' AND l.amount_pence = -s.pence
       AND s.batch_ref IN (l.batch_ref, l.end_to_end_id)
     WHERE l.statement_id = :statement
    """
)
_PAIRED = text("SELECT DISTINCT line_id FROM match_pair")
# Workers cost nothing here: the statement is known to be large.
_WORKERS = text(
    "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0.001;"
    " SET LOCAL min_parallel_table_scan_size = 0; DROP TABLE work_seen"
)
_NO_WORKERS = text(
    "SET LOCAL parallel_setup_cost = 1000; SET LOCAL parallel_tuple_cost = 0.1;"
    " SET LOCAL min_parallel_table_scan_size = '8MB'"
)


def _only(side: str, **columns: str) -> str:
    return ", ".join(
        f"CASE WHEN {side}.id IS NULL THEN {value} END AS {name}" for name, value in columns.items()
    )


_OF_LINES = _only(
    "e",
    statement_id="l.statement_id",
    booked="l.booking_date",
    kind="l.kind",
    end_to_end_id="l.end_to_end_id",
    uetr="l.uetr",
    batch_ref="l.batch_ref",
    bank_ref="l.bank_ref",
    key=KEY,
    hash="l.counterparty_hash",
    return_reason="l.return_reason",
)
_OF_ITEMS = _only(
    "l",
    target_type="e.target_type",
    due_on="e.due_on",
    item_end_to_end_id="e.end_to_end_id",
    item_uetr="e.uetr",
    group_key="e.group_key",
    item_key="e.reference_key",
)


def _see(open_: str) -> str:
    return f"""
    CREATE TEMP TABLE work_seen ON COMMIT DROP AS
    SELECT l.id AS line_id, e.id AS item_id, l.h,
           CASE WHEN e.id IS NULL THEN l.amount_pence WHEN l.id IS NULL THEN e.amount_pence END
           AS amount, {_OF_LINES}, {_OF_ITEMS}
      FROM (SELECT l.*, hashtextextended(l.end_to_end_id, l.amount_pence) AS h,
                   CASE WHEN l.id = ANY(cast(:paired AS uuid[])) THEN NULL
                        ELSE l.end_to_end_id END AS given
              FROM statement_line l WHERE l.statement_id = :statement) l
      FULL JOIN (SELECT e.*, nullif(e.end_to_end_id, '') AS given
                   FROM expected_item e WHERE {open_}) e
        ON e.given = l.given AND e.amount_pence = l.amount_pence
    """


_SEE = {few: text(_see(open_)) for few, open_ in OPEN_ITEMS.items()}
_LINES_LEFT = text(
    """
    INSERT INTO work_line
    SELECT line_id, statement_id, amount, booked, kind, end_to_end_id, uetr, batch_ref, bank_ref,
           key, hash, return_reason, NULL
      FROM work_seen WHERE item_id IS NULL
    """
)
_ITEMS_LEFT = text(
    """
    INSERT INTO work_free
    SELECT item_id, target_type, amount, due_on, item_end_to_end_id, item_uetr, group_key,
           item_key
      FROM work_seen WHERE line_id IS NULL
    """
)
# Pairs whose keys meet again, or whose hashes do: not decided here. Sorted, not hashed: numbers.
_UNSURE = text(
    """
    CREATE TEMP TABLE work_unsure ON COMMIT DROP AS
    WITH busy AS MATERIALIZED (
      SELECT DISTINCT h FROM (
        SELECT h, lag(h) OVER (ORDER BY h) AS before FROM work_seen
         WHERE line_id IS NOT NULL AND item_id IS NOT NULL) s WHERE h = before)
    SELECT s.line_id, s.item_id FROM work_seen s JOIN busy b ON b.h = s.h
     WHERE s.line_id IS NOT NULL AND s.item_id IS NOT NULL
    """
)
_NOT_SEEN = text(
    """
    DELETE FROM work_seen s USING (SELECT DISTINCT line_id FROM work_unsure) u
     WHERE u.line_id = s.line_id
    """
)
_LINES_UNSURE = text(
    f"""
    INSERT INTO work_line SELECT l.* FROM (SELECT DISTINCT line_id FROM work_unsure) u
     CROSS JOIN LATERAL ({NARROW} WHERE l.id = u.line_id OFFSET 0) l
    """
)
_ITEMS_UNSURE = text(
    f"""
    INSERT INTO work_free SELECT e.* FROM (SELECT DISTINCT item_id FROM work_unsure) u
     CROSS JOIN LATERAL (
       SELECT {ITEM_COLUMNS} FROM expected_item e WHERE e.id = u.item_id OFFSET 0) e
    """
)
_DROP_UNSURE = text("DROP TABLE work_unsure")


def join_statement(work: Work, statement_id: UUID, span: Span) -> None:
    """Pair the lines of a statement that have one exact partner; leave the rest in the tables."""
    make_tables(work)
    session = work.session
    values: dict[str, object] = {"statement": statement_id, "pattern": work.settings.pattern}
    values |= {"account": work.account_id, "earliest": span.earliest, "latest": span.latest}
    submissions = open_submissions(work)
    join_by_hash(work)
    if submissions:
        session.execute(_BATCH_KEY, values)
    values["paired"] = list(session.execute(_PAIRED).scalars())
    values["closed"] = list_closed(work)
    session.execute(_WORKERS)
    taken = values["taken"] = list_taken(work)
    session.execute(_SEE[taken is not None], values)
    session.execute(_NO_WORKERS)
    for statement in (_LINES_LEFT, _ITEMS_LEFT, _UNSURE):
        session.execute(statement)
    if session.execute(_NOT_SEEN).rowcount:  # type: ignore[attr-defined]  # a DELETE has a row count
        session.execute(_LINES_UNSURE, values)
        session.execute(_ITEMS_UNSURE, values)
    session.execute(_DROP_UNSURE)
    join_freely(work)
