"""Finds the pairs of every pass, each pass one or two set-based statements."""

from datetime import date, timedelta

from sqlalchemy import text

from payments.bank import calendar
from payments.reconciliation import passes
from payments.reconciliation.engine.fits import ITEMS, fit, make_fit
from payments.reconciliation.engine.offers import count_open, gather_sent
from payments.reconciliation.engine.work import (
    Span,
    Work,
    drop_paired,
    get_span,
    join_by_hash,
    join_freely,
    list_booked_days,
)
from payments.reconciliation.passes import Rule

_LEFT = "SELECT * FROM work_line w WHERE w.rule IS NULL"
_OPEN = """
    SELECT s.* FROM work_open s WHERE NOT EXISTS (
      SELECT 1 FROM match_pair p WHERE p.target_type = 'submission' AND p.target_id = s.id)
"""
_SUBMISSION = "'submission', s.id, s.run_id, s.id, s.pence, s.pence, 'in_transit'"
_REGISTER = text(
    """
    INSERT INTO expected_item (id, target_type, body, bank_account_id, run_id, submission_id,
      amount_pence, due_on, end_to_end_id, reference, reference_key, account_hash, ledger_account)
    SELECT i.payment_id, 'payment', s.body, s.bank_account_id, s.run_id, s.id, -i.amount_pence,
           s.processing_day, i.end_to_end_id, i.reference, i.reference_key, i.account_hash,
           'in_transit'
      FROM submission s JOIN submission_item i ON i.submission_id = s.id
     WHERE s.rail IN ('faster_payments', 'chaps') AND s.bank_account_id = :account
       AND s.state IN ('acknowledged', 'reported')
       AND NOT EXISTS (SELECT 1 FROM expected_item e WHERE e.submission_id = s.id)
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.submission_id = s.id
                          AND o.payment_id = i.payment_id AND o.kind IN ('rejected', 'refused'))
    ON CONFLICT (id) DO NOTHING
    """
)


_END_TO_END = make_fit(
    "w.end_to_end_id",
    "e.end_to_end_id",
    lines="w.end_to_end_id <> ''",
    items="e.end_to_end_id <> ''",
    days="true",
)
_OTHER_KEYS = text(
    f"""
    WITH keys AS MATERIALIZED (
      SELECT w.id, w.amount, k.key AS given FROM work_line w CROSS JOIN LATERAL (
        VALUES (w.uetr), (w.batch_ref), (w.bank_ref)) AS k(key)
       WHERE w.rule IS NULL AND k.key <> ''),
    l AS (
      SELECT k.id AS line_id, k.amount, e.id, e.target_type FROM keys k
        JOIN work_free e ON e.uetr = k.given AND e.amount = k.amount
      UNION
      SELECT k.id, k.amount, e.id, e.target_type FROM keys k
        JOIN work_free e ON e.end_to_end_id = k.given AND e.amount = k.amount)
    INSERT INTO match_pair
    SELECT l.line_id, l.target_type, l.id, NULL, NULL, abs(l.amount), abs(l.amount), NULL,
           '{passes.EXACT_ITEM.id}', true FROM l
    """
)
_GROUPS_OF_LINES = text(
    f"""
    WITH lines AS ({_LEFT}), open AS ({_OPEN}), sums AS (
      SELECT l.batch_ref, s.id FROM lines l JOIN open s ON s.batch_ref = l.batch_ref
       WHERE l.amount < 0 GROUP BY l.batch_ref, s.id, s.pence
      HAVING count(*) > 1 AND sum(l.amount) = -s.pence)
    INSERT INTO match_pair
    SELECT l.id, 'submission', s.id, s.run_id, s.id, -l.amount, s.pence, 'in_transit',
           '{passes.GROUP.id}', true
      FROM lines l JOIN open s ON s.batch_ref = l.batch_ref JOIN sums g ON g.id = s.id
     WHERE l.amount < 0
    """
)
_GROUPS_OF_ITEMS = text(
    f"""
    WITH lines AS ({_LEFT}),
    open AS (SELECT e.* FROM work_free e WHERE e.group_key <> ''), sums AS (
      SELECT e.group_key, sum(e.amount) AS pence FROM open e GROUP BY 1
      HAVING min(sign(e.amount)) = max(sign(e.amount))), fits AS (
      SELECT g.group_key, min(l.id::text)::uuid AS line_id FROM sums g JOIN lines l
          ON g.group_key IN (l.batch_ref, l.end_to_end_id, l.key) AND l.amount = g.pence
       GROUP BY 1 HAVING count(*) = 1), counted AS (
      SELECT f.*, count(*) OVER (PARTITION BY f.line_id) AS groups FROM fits f)
    INSERT INTO match_pair
    SELECT f.line_id, e.target_type, e.id, NULL, NULL, abs(e.amount), abs(e.amount), NULL,
           '{passes.GROUP.id}', true
      FROM counted f JOIN open e ON e.group_key = f.group_key WHERE f.groups = 1
    """
)
_DAYS_OF_FILES = """
    days AS (SELECT * FROM unnest(cast(:processing AS date[]), cast(:entry AS date[]))
                        AS d(processing_day, entry_day))
"""
_BARE = """
    l.kind IN ('contra', 'debit') AND (l.batch_ref = '' OR NOT EXISTS (
      SELECT 1 FROM open o WHERE o.batch_ref = l.batch_ref))
"""
_CONTRA = text(
    f"""
    WITH lines AS ({_LEFT}), open AS ({_OPEN}), {_DAYS_OF_FILES}
    INSERT INTO match_pair
    SELECT l.id, {_SUBMISSION}, '{passes.CONTRA.id}', true
      FROM lines l JOIN days d ON d.entry_day = l.booked JOIN open s
        ON s.processing_day = d.processing_day AND l.amount = -s.pence WHERE {_BARE}
    """
)
_CONTRA_OF_DAY = text(
    f"""
    WITH lines AS ({_LEFT}), open AS ({_OPEN}), {_DAYS_OF_FILES}, sums AS (
      SELECT s.processing_day, sum(s.pence) AS pence FROM open s
       GROUP BY 1 HAVING count(*) > 1), fits AS (
      SELECT d.processing_day, min(l.id::text)::uuid AS line_id
        FROM lines l JOIN days d ON d.entry_day = l.booked
        JOIN sums g ON g.processing_day = d.processing_day AND l.amount = -g.pence
       WHERE {_BARE} GROUP BY 1 HAVING count(*) = 1)
    INSERT INTO match_pair
    SELECT f.line_id, {_SUBMISSION}, '{passes.GROUP.id}', true
      FROM fits f JOIN open s ON s.processing_day = f.processing_day
    """
)
_DAYS_OF_LINES = """
    days AS (SELECT * FROM unnest(cast(:booked AS date[]), cast(:first AS date[]),
                                  cast(:last AS date[])) AS d(booked, first, last))
"""
_RETURNS = text(
    f"""
    WITH lines AS MATERIALIZED ({_LEFT} AND w.kind = 'return'), {_DAYS_OF_LINES}, fits AS (
      SELECT l.id AS line, l.booked, i.* FROM lines l JOIN work_sent i
          ON i.amount = l.amount AND i.hash = l.hash AND i.key = l.key
      UNION
      SELECT l.id, l.booked, i.* FROM lines l JOIN work_sent i
          ON i.amount = l.amount AND i.end_to_end_id = l.end_to_end_id
       WHERE l.end_to_end_id <> '')
    INSERT INTO match_pair
    SELECT i.line, 'returned_payment', i.id, i.run_id, i.submission_id, i.amount, i.amount,
           'returns_receivable', '{passes.RETURN.id}', true
      FROM fits i JOIN days d ON d.booked = i.booked AND i.day BETWEEN d.first AND i.booked
    """
)
_NOT_AGAIN = text(
    "DELETE FROM work_sent s USING match_pair p"
    " WHERE p.target_type = 'returned_payment' AND p.target_id = s.id"
)
_REFERENCE = make_fit(
    "w.key",
    "e.key",
    lines="length(w.key) >= 6",
    items="true",
    days="(e.target_type = 'expected_item' OR e.day <= w.booked)",
    source=f"""{ITEMS} WHERE length(key) >= 6
      UNION ALL SELECT id, 'returned_payment', amount, day, '', key FROM work_sent
                 WHERE length(key) >= 6""",
)
_DAYS_AROUND = """
    EXISTS (SELECT 1 FROM unnest(cast(:booked AS date[]), cast(:first AS date[]),
                                 cast(:last AS date[])) AS d(booked, first, last)
             WHERE d.booked = w.booked AND e.day BETWEEN d.first AND d.last)
    AND (e.target_type = 'expected_item' OR e.day <= w.booked)
"""
_AMOUNT_DATE = make_fit(
    "w.amount",
    "e.amount",
    lines="w.kind IN ('credit', 'debit')"
    " AND NOT EXISTS (SELECT 1 FROM match_pair p WHERE p.line_id = w.id)",
    items="true",
    days=_DAYS_AROUND,
)
_JUDGE = text(
    """
    WITH busy_lines AS (
      SELECT line_id FROM match_pair WHERE rule = :rule GROUP BY 1 HAVING count(*) > 1
    ), busy_targets AS (
      SELECT target_id, target_type FROM match_pair WHERE rule = :rule
       GROUP BY 1, 2 HAVING count(*) > 1)
    UPDATE match_pair p SET alone = false
     WHERE p.rule = :rule AND (p.line_id IN (SELECT line_id FROM busy_lines)
        OR (p.target_id, p.target_type) IN (SELECT target_id, target_type FROM busy_targets))
    """
)
_DAYS = text(
    "SELECT DISTINCT coalesce(reported_processing_day, processing_day) FROM submission"
    " WHERE bank_account_id = :account AND state IN ('acknowledged', 'reported')"
)


def register_payments(work: Work) -> None:
    """Expect each payment of a rail that the bank debits one by one; once for a submission."""
    work.session.execute(_REGISTER, {"account": work.account_id})


def find_pairs(work: Work) -> None:
    """Run every pass over the lines that were taken.

    What fits is in ``match_pair`` afterwards, and in ``work_seen`` what the join of a large
    statement was sure of.
    """
    span = get_span(work)
    if span.count == 0:
        return
    values = _values(work, span)
    join_by_hash(work)
    _find_exact(work)
    _find_groups(work, values)
    gather_sent(work, values)
    work.session.execute(_RETURNS, values)
    _judge(work, passes.RETURN)
    drop_paired(work, passes.RETURN.id)
    work.session.execute(_NOT_AGAIN)
    fit(work, _REFERENCE, passes.REFERENCE, values, after=1)
    values |= _windows(work, work.settings.window_days)
    fit(work, _AMOUNT_DATE, passes.AMOUNT_DATE, values, after=0)
    join_freely(work)


def _find_exact(work: Work) -> None:
    _judge(work, passes.EXACT_KEY)
    drop_paired(work, passes.EXACT_KEY.id)
    fit(work, _END_TO_END, passes.EXACT_ITEM, {})
    work.session.execute(_OTHER_KEYS)
    _judge(work, passes.EXACT_ITEM)
    drop_paired(work, passes.EXACT_ITEM.id)


def _find_groups(work: Work, values: dict[str, object]) -> None:
    submissions = count_open(work) > 0
    if submissions:
        work.session.execute(_GROUPS_OF_LINES)
        drop_paired(work, passes.GROUP.id)
    work.session.execute(_GROUPS_OF_ITEMS)
    drop_paired(work, passes.GROUP.id)
    if submissions:
        work.session.execute(_CONTRA, values)
        _judge(work, passes.CONTRA)
        drop_paired(work, passes.CONTRA.id)
        work.session.execute(_CONTRA_OF_DAY, values)
        drop_paired(work, passes.GROUP.id)


def _values(work: Work, span: Span) -> dict[str, object]:
    values: dict[str, object] = {
        "account": work.account_id,
        "earliest": span.earliest,
        "latest": span.latest,
    }
    processing = list(work.session.execute(_DAYS, values).scalars())
    values |= {
        "processing": processing,
        "entry": [calendar.entry_day_for(day) for day in processing],
    }
    return values | _windows(work, work.settings.return_days)


def _judge(work: Work, rule: Rule) -> None:
    work.session.execute(_JUDGE, {"rule": rule.id})


def _windows(work: Work, days: int) -> dict[str, object]:
    booked = list_booked_days(work)
    return {
        "booked": booked,
        "first": [_shift(day, -days) for day in booked],
        "last": [_shift(day, days) for day in booked],
    }


def _shift(day: date, days: int) -> date:
    """Return the day so many Bacs days away; twice as many days where no calendar reaches."""
    try:
        return calendar.shift(day, days)
    except ValueError:
        return day + timedelta(days=2 * days)
