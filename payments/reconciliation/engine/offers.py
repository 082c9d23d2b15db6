"""Gathers what the lines left may fit: what is expected and open, submissions, what was sent."""

from uuid import UUID

from sqlalchemy import text

from payments.reconciliation.engine.work import Span, Work

# A statement joins all that is expected in one pass once an index would be asked this often.
_LOOK_UPS = 10
_BYTES_OF_ITEM = 200
_OPEN_SUBMISSIONS = text(
    """
    INSERT INTO work_open
    SELECT s.id, s.run_id, s.service_user_number || s.serial, coalesce(s.accepted_pence,
           s.total_pence), coalesce(s.reported_processing_day, s.processing_day)
      FROM submission s
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported')
       AND coalesce(s.accepted_pence, s.total_pence) > 0
       AND NOT EXISTS (SELECT 1 FROM expected_item e JOIN match_target t
                           ON t.target_type = 'payment' AND t.target_id = e.id
                        WHERE e.submission_id = s.id AND t.allocated_pence > 0)
       AND NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = 'submission'
                          AND t.target_id = s.id AND t.allocated_pence > 0)
    """
)
_COUNT_OPEN = text("SELECT count(*) FROM work_open")
# Items of a submission that is matched whole, or is by its own reference now, are not open.
_CLOSED = text(
    """
    SELECT s.id FROM submission s
     WHERE s.bank_account_id = :account
       AND (SELECT count(*) FROM match_target t WHERE t.target_type = 'submission'
               AND t.target_id = s.id AND t.allocated_pence > 0) > 0
    UNION SELECT target_id FROM match_pair WHERE target_type = 'submission'
    """
)
_SIZE = text("SELECT pg_relation_size('expected_item')")
_FEW_TAKEN = 20_000
_TAKEN = text(
    "SELECT target_id FROM match_target WHERE target_type IN ('payment', 'expected_item')"
    f" AND allocated_pence > 0 LIMIT {_FEW_TAKEN + 1}"
)
# The account is compared so that no index serves: all of the table is to be read, once.
_IN_DAYS = """
    (e.bank_account_id = :account) IS TRUE AND e.due_on BETWEEN :earliest AND :latest
    AND (e.submission_id IS NULL OR e.submission_id <> ALL(cast(:closed AS uuid[])))
"""
# With little history what is taken already is a list, not a second hash table of all items.
OPEN_ITEMS = {
    True: f"{_IN_DAYS} AND e.id <> ALL(cast(:taken AS uuid[]))",
    False: f"""{_IN_DAYS}
    AND NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = e.target_type
                       AND t.target_id = e.id AND t.allocated_pence > 0)""",
}
ITEM_COLUMNS = (
    "e.id, e.target_type, e.amount_pence, e.due_on, e.end_to_end_id, e.uetr, e.group_key,"
    " e.reference_key"
)
_SCAN = {
    few: text(f"INSERT INTO work_free SELECT {ITEM_COLUMNS} FROM expected_item e WHERE {open_}")
    for few, open_ in OPEN_ITEMS.items()
}
# By amount alone only items near the lines can fit: no window of days is longer than 70 days.
# Each LATERAL is one look into one index for one distinct key; OFFSET keeps it from being a join.
_LOOK = text(
    f"""
    WITH keys AS MATERIALIZED (
      SELECT DISTINCT k.key FROM work_line w CROSS JOIN LATERAL (
        VALUES (w.end_to_end_id), (w.uetr), (w.batch_ref), (w.bank_ref), (w.key)) AS k(key)
       WHERE k.key <> ''), amounts AS MATERIALIZED (SELECT DISTINCT amount FROM work_line),
    found AS MATERIALIZED (
      SELECT e.* FROM keys k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.end_to_end_id <> '' AND e.end_to_end_id = k.key OFFSET 0) e
      UNION ALL SELECT e.* FROM keys k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.uetr <> '' AND e.uetr = k.key OFFSET 0) e
      UNION ALL SELECT e.* FROM keys k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.reference_key <> '' AND e.reference_key = k.key OFFSET 0) e
      UNION ALL SELECT e.* FROM keys k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.group_key <> '' AND e.group_key = k.key OFFSET 0) e
      UNION ALL SELECT e.* FROM amounts a CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.amount_pence = a.amount
           AND e.due_on BETWEEN cast(:earliest AS date) + 330 AND :latest OFFSET 0) e)
    INSERT INTO work_free
    SELECT DISTINCT ON (e.id) {ITEM_COLUMNS} FROM found e
     WHERE e.due_on BETWEEN :earliest AND :latest
       AND (e.submission_id IS NULL OR e.submission_id <> ALL(cast(:closed AS uuid[])))
       AND (SELECT count(*) FROM match_target t WHERE t.target_type = e.target_type
               AND t.target_id = e.id AND t.allocated_pence > 0) = 0
    """
)
_MAY_BE_RETURNS = """
    w.rule IS NULL AND w.amount > 0 AND (w.kind = 'return' OR length(w.key) >= 6)
"""
_SENT_BY_FILE = text(
    f"""
    WITH keys AS MATERIALIZED (
      SELECT DISTINCT w.key, w.amount FROM work_line w WHERE {_MAY_BE_RETURNS}),
    found AS MATERIALIZED (
      SELECT i.* FROM keys k CROSS JOIN LATERAL (
        SELECT i.submission_id, i.payment_id, i.account_hash, i.amount_pence, i.reference_key
          FROM submission_item i
         WHERE i.reference_key = k.key AND i.amount_pence = k.amount OFFSET 0) i)
    INSERT INTO work_sent
    SELECT i.payment_id, s.run_id, s.id, i.amount_pence,
           coalesce(s.reported_processing_day, s.processing_day), '', i.reference_key,
           i.account_hash
      FROM found i JOIN submission s ON s.id = i.submission_id
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported', 'settled')
       AND (SELECT e.id FROM expected_item e WHERE e.submission_id = s.id LIMIT 1) IS NULL
       AND (SELECT count(*) FROM bank_outcome o WHERE o.submission_id = s.id
               AND o.payment_id = i.payment_id AND o.kind = 'rejected') = 0
       AND (SELECT count(*) FROM match_target t WHERE t.target_type = 'returned_payment'
               AND t.target_id = i.payment_id AND t.allocated_pence > 0) = 0
    """
)
# DISTINCT below IN: a semi join may hash either side, and many equal amounts are one chain of it.
_SENT_ONE_BY_ONE = text(
    f"""
    WITH lines AS MATERIALIZED (SELECT * FROM work_line w WHERE {_MAY_BE_RETURNS}),
    amounts AS MATERIALIZED (SELECT DISTINCT amount FROM lines WHERE key = ''),
    keys AS MATERIALIZED (SELECT DISTINCT key FROM lines WHERE key <> ''),
    ids AS MATERIALIZED (SELECT DISTINCT end_to_end_id FROM lines WHERE end_to_end_id <> ''),
    found AS MATERIALIZED (
      SELECT e.* FROM keys k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.reference_key <> '' AND e.reference_key = k.key
           AND e.target_type = 'payment' OFFSET 0) e
      UNION ALL SELECT e.* FROM ids k CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.end_to_end_id <> '' AND e.end_to_end_id = k.end_to_end_id OFFSET 0) e
      UNION ALL SELECT e.* FROM amounts a CROSS JOIN LATERAL (
        SELECT * FROM expected_item e WHERE e.bank_account_id = :account
           AND e.amount_pence = -a.amount AND e.due_on BETWEEN :earliest AND :latest
           AND e.reference_key = '' OFFSET 0) e)
    INSERT INTO work_sent
    SELECT DISTINCT ON (e.id) e.id, e.run_id, e.submission_id, -e.amount_pence, e.due_on,
           e.end_to_end_id, e.reference_key, e.account_hash
      FROM found e
     WHERE e.target_type = 'payment' AND e.due_on BETWEEN :earliest AND :latest
       AND -e.amount_pence IN (SELECT DISTINCT amount FROM lines)
       AND (SELECT count(*) FROM match_target t WHERE t.target_type = 'returned_payment'
               AND t.target_id = e.id AND t.allocated_pence > 0) = 0
    """
)


def open_submissions(work: Work) -> int:
    """Gather the submissions that no line explains yet; returns how many."""
    work.session.execute(_OPEN_SUBMISSIONS, {"account": work.account_id})
    return count_open(work)


def count_open(work: Work) -> int:
    """Return how many submissions were gathered."""
    return int(work.session.execute(_COUNT_OPEN).scalar_one())


def list_closed(work: Work) -> list[UUID]:
    """Return the submissions whose payments no line explains one by one any more."""
    return list(work.session.execute(_CLOSED, {"account": work.account_id}).scalars())


def list_taken(work: Work) -> list[UUID] | None:
    """Return what lines explain already, or None when it is too much for a list."""
    taken = list(work.session.execute(_TAKEN).scalars())
    return taken if len(taken) <= _FEW_TAKEN else None


def is_large(work: Work, lines: int) -> bool:
    """Tell whether so many lines had better read all that is expected than look into indexes."""
    size: int = work.session.execute(_SIZE).scalar_one()
    return lines * _LOOK_UPS * _BYTES_OF_ITEM >= size


def gather_items(work: Work, span: Span, values: dict[str, object]) -> None:
    """Gather what is expected, open, and may fit a line by key or by amount."""
    if is_large(work, span.count):
        taken = list_taken(work)
        work.session.execute(_SCAN[taken is not None], values | {"taken": taken})
    else:
        work.session.execute(_LOOK, values)


def gather_sent(work: Work, values: dict[str, object]) -> None:
    """Gather the payments that a line left may give back and that did not come back before."""
    work.session.execute(_SENT_BY_FILE, values)
    work.session.execute(_SENT_ONE_BY_ONE, values)
