"""Finds the pairs of every pass, each pass one or two set-based statements."""

from datetime import date, timedelta

from sqlalchemy import text

from payments.bank import calendar
from payments.reconciliation import passes
from payments.reconciliation.engine.work import (
    Span,
    Work,
    drop_paired,
    get_span,
    keep_left,
    list_booked_days,
)
from payments.reconciliation.passes import Rule

_OPEN_SUBMISSIONS = """
    SELECT s.id, s.run_id, s.service_user_number || s.serial AS batch_ref,
           coalesce(s.accepted_pence, s.total_pence) AS pence,
           coalesce(s.reported_processing_day, s.processing_day) AS processing_day
      FROM submission s
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported')
       AND coalesce(s.accepted_pence, s.total_pence) > 0
       AND NOT EXISTS (SELECT 1 FROM expected_item e JOIN match_target t
                           ON t.target_type = 'payment' AND t.target_id = e.id
                        WHERE e.submission_id = s.id AND t.allocated_pence > 0)
       AND NOT EXISTS (SELECT 1 FROM match_pair p WHERE p.target_id = s.id)
       AND NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = 'submission'
                          AND t.target_id = s.id AND t.allocated_pence > 0)
"""
_LEFT = "SELECT * FROM work_left w"
_OPEN_ITEMS = """
    SELECT e.* FROM expected_item e
     WHERE e.bank_account_id = :account AND e.due_on BETWEEN :earliest AND :latest
       AND NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = e.target_type
                          AND t.target_id = e.id AND t.allocated_pence > 0)
       AND NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = 'submission'
                          AND t.target_id = e.submission_id AND t.allocated_pence > 0)
       AND coalesce(e.submission_id NOT IN (
             SELECT p.target_id FROM match_pair p WHERE p.target_type = 'submission'), true)
"""
_ITEMS_LEFT = "SELECT e.* FROM work_free e WHERE true"
_ITEM = (
    "e.target_type, e.id, e.run_id, e.submission_id, abs(l.amount), abs(e.amount_pence),"
    " e.ledger_account"
)
_SUBMISSION = "'submission', s.id, s.run_id, s.id, s.pence, s.pence, 'in_transit'"
_RETURNED = (
    "'returned_payment', i.payment_id, i.run_id, i.submission_id, i.pence, i.pence,"
    " 'returns_receivable'"
)
_RETURNABLE = """
    SELECT i.payment_id, i.account_hash, i.amount_pence AS pence, i.reference_key,
           '' AS end_to_end_id, coalesce(s.reported_processing_day, s.processing_day) AS day,
           s.run_id, s.id AS submission_id
      FROM submission_item i JOIN submission s ON s.id = i.submission_id
     WHERE s.bank_account_id = :account AND s.state IN ('acknowledged', 'reported', 'settled')
       AND NOT EXISTS (SELECT 1 FROM expected_item e WHERE e.submission_id = s.id)
       AND NOT EXISTS (SELECT 1 FROM bank_outcome o WHERE o.submission_id = s.id
                          AND o.payment_id = i.payment_id AND o.kind = 'rejected')
    UNION ALL
    SELECT e.id, e.account_hash, -e.amount_pence, e.reference_key, e.end_to_end_id, e.due_on,
           e.run_id, e.submission_id
      FROM expected_item e WHERE e.bank_account_id = :account AND e.target_type = 'payment'
       AND e.due_on BETWEEN :earliest AND :latest
"""
_NOT_RETURNED = """
    NOT EXISTS (SELECT 1 FROM match_target t WHERE t.target_type = 'returned_payment'
                   AND t.target_id = i.payment_id AND t.allocated_pence > 0)
    AND i.payment_id NOT IN (SELECT p.target_id FROM match_pair p
                              WHERE p.target_type = 'returned_payment')
"""
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


def _into(rule: Rule, columns: str, tables: str, *, alone: bool = True) -> str:
    return f"INSERT INTO match_pair SELECT l.id, {columns}, '{rule.id}', {alone} FROM {tables}"


_BATCH_KEY = text(
    f"WITH open AS ({_OPEN_SUBMISSIONS})"
    + _into(
        passes.EXACT_KEY,
        _SUBMISSION,
        "work_line l JOIN open s ON s.batch_ref <> '' AND l.amount = -s.pence"
        " AND s.batch_ref IN (l.batch_ref, l.end_to_end_id)",
    )
)
_END_TO_END = text(
    f"WITH open AS ({_OPEN_ITEMS} AND e.end_to_end_id <> '')"
    + _into(
        passes.EXACT_ITEM,
        _ITEM,
        "work_line l JOIN open e ON e.end_to_end_id = l.end_to_end_id"
        " AND e.amount_pence = l.amount WHERE l.end_to_end_id <> ''",
    )
)
_OTHER_KEYS = text(
    f"""
    WITH keys AS MATERIALIZED (
      SELECT w.*, k.key AS given FROM ({_LEFT}) w CROSS JOIN LATERAL (
        VALUES (w.uetr), (w.batch_ref), (w.bank_ref)) AS k(key) WHERE k.key <> ''),
    open AS ({_ITEMS_LEFT}), fits AS (
      SELECT l.id AS line, e.id AS item FROM keys l
        JOIN open e ON e.uetr = l.given AND e.amount_pence = l.amount
      UNION
      SELECT l.id, e.id FROM keys l
        JOIN open e ON e.end_to_end_id = l.given AND e.amount_pence = l.amount)
    {
        _into(
            passes.EXACT_ITEM,
            _ITEM,
            '''fits b JOIN work_line l ON l.id = b.line
       JOIN expected_item e ON e.id = b.item''',
        )
    }
    """
)
_GROUPS_OF_LINES = text(
    f"""
    WITH lines AS ({_LEFT}), open AS ({_OPEN_SUBMISSIONS}), sums AS (
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
    WITH lines AS ({_LEFT}), open AS ({_ITEMS_LEFT} AND e.group_key <> ''), sums AS (
      SELECT e.group_key, sum(e.amount_pence) AS pence FROM open e GROUP BY 1
      HAVING min(sign(e.amount_pence)) = max(sign(e.amount_pence))), fits AS (
      SELECT g.group_key, min(l.id::text)::uuid AS line_id FROM sums g JOIN lines l
          ON g.group_key IN (l.batch_ref, l.end_to_end_id, l.key) AND l.amount = g.pence
       GROUP BY 1 HAVING count(*) = 1)
    INSERT INTO match_pair
    SELECT f.line_id, e.target_type, e.id, e.run_id, e.submission_id, abs(e.amount_pence),
           abs(e.amount_pence), e.ledger_account, '{passes.GROUP.id}', true
      FROM fits f JOIN open e ON e.group_key = f.group_key
     WHERE (SELECT count(*) FROM fits o WHERE o.line_id = f.line_id) = 1
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
    f"WITH lines AS ({_LEFT}), open AS ({_OPEN_SUBMISSIONS}), {_DAYS_OF_FILES}"
    + _into(
        passes.CONTRA,
        _SUBMISSION,
        "lines l JOIN days d ON d.entry_day = l.booked JOIN open s"
        f" ON s.processing_day = d.processing_day AND l.amount = -s.pence WHERE {_BARE}",
    )
)
_CONTRA_OF_DAY = text(
    f"""
    WITH lines AS ({_LEFT}), open AS ({_OPEN_SUBMISSIONS}), {_DAYS_OF_FILES}, sums AS (
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
    WITH lines AS ({_LEFT} WHERE w.kind = 'return'), {_DAYS_OF_LINES},
    sent AS ({_RETURNABLE}), fits AS (
      SELECT l.id AS line, l.booked, i.* FROM lines l JOIN sent i
          ON i.pence = l.amount AND i.account_hash = l.hash AND i.reference_key = l.key
      UNION
      SELECT l.id, l.booked, i.* FROM lines l JOIN sent i
          ON i.pence = l.amount AND i.end_to_end_id = l.end_to_end_id
       WHERE l.end_to_end_id <> '')
    INSERT INTO match_pair
    SELECT i.line, {_RETURNED}, '{passes.RETURN.id}', true
      FROM fits i JOIN days d ON d.booked = i.booked AND i.day BETWEEN d.first AND i.booked
     WHERE {_NOT_RETURNED}
    """
)
_REFERENCE_RETURNED = text(
    f"WITH lines AS ({_LEFT} WHERE w.amount > 0 AND length(w.key) >= 6),"
    f" sent AS ({_RETURNABLE})"
    + _into(
        passes.REFERENCE,
        _RETURNED,
        "lines l JOIN sent i ON i.pence = l.amount AND i.reference_key = l.key"
        f" AND i.day <= l.booked WHERE {_NOT_RETURNED}",
    )
)
# Many lines and many items with one reference and amount are a star of pairs, not a product.
_REFERENCE_ITEM = text(
    f"""
    WITH lines AS MATERIALIZED (
      SELECT w.*, count(*) OVER same AS n, min(w.id::text) OVER same = w.id::text AS lead
        FROM work_left w WHERE length(w.key) >= 6
      WINDOW same AS (PARTITION BY w.key, w.amount)), items AS MATERIALIZED (
      SELECT e.*, row_number() OVER (PARTITION BY e.reference_key, e.amount_pence
                                      ORDER BY e.id) AS m
        FROM ({_ITEMS_LEFT} AND length(e.reference_key) >= 6) e
       WHERE EXISTS (SELECT 1 FROM lines l WHERE l.key = e.reference_key
                        AND l.amount = e.amount_pence))
    {
        _into(
            passes.REFERENCE,
            _ITEM,
            '''lines l JOIN items e ON e.reference_key = l.key
       AND e.amount_pence = l.amount AND (e.target_type <> 'payment' OR e.due_on <= l.booked)
     WHERE l.n <= 20 OR l.lead OR e.m = 1''',
        )
    }
    """
)
_AMOUNT_DATE = text(
    f"""
    WITH lines AS (
      SELECT w.*, d.first, d.last, count(*) OVER same AS n,
             min(w.id::text) OVER same = w.id::text AS lead
        FROM work_left w
        JOIN unnest(cast(:booked AS date[]), cast(:first AS date[]), cast(:last AS date[]))
             AS d(booked, first, last) ON d.booked = w.booked
       WHERE w.kind IN ('credit', 'debit') WINDOW same AS (PARTITION BY w.amount)), items AS (
      SELECT f.*, count(*) OVER (PARTITION BY f.amount_pence) AS m,
             row_number() OVER (PARTITION BY f.amount_pence ORDER BY f.id) AS place
        FROM work_free f),
    fits AS MATERIALIZED (
      SELECT l.id AS line, i.id AS item FROM lines l JOIN items i ON i.amount_pence = l.amount
         AND i.due_on BETWEEN l.first AND l.last
         AND (i.target_type <> 'payment' OR i.due_on <= l.booked)
       WHERE l.n * i.m <= 10000 OR l.lead OR i.place = 1)
    {
        _into(
            passes.AMOUNT_DATE,
            _ITEM,
            '''fits f JOIN work_line l ON l.id = f.line
       JOIN expected_item e ON e.id = f.item''',
        )
    }
    """
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
_KEEP_ITEMS = text(
    f"""
    INSERT INTO work_free {_OPEN_ITEMS}
       AND NOT EXISTS (SELECT 1 FROM match_pair p WHERE p.target_id = e.id)
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
    """Run every pass over the lines that were taken; what fits is in ``match_pair`` afterwards."""
    span = get_span(work)
    if span.count == 0:
        return
    values = _values(work, span)
    session = work.session
    session.execute(_BATCH_KEY, values)
    _judge(work, passes.EXACT_KEY)
    session.execute(_END_TO_END, values)
    keep_left(work, _KEEP_ITEMS, values)
    session.execute(_OTHER_KEYS, values)
    _judge(work, passes.EXACT_ITEM)
    drop_paired(work, passes.EXACT_ITEM.id)
    for group in (_GROUPS_OF_LINES, _GROUPS_OF_ITEMS):
        session.execute(group, values)
        drop_paired(work, passes.GROUP.id)
    for rule, statements in (
        (passes.CONTRA, (_CONTRA,)),
        (passes.GROUP, (_CONTRA_OF_DAY,)),
        (passes.RETURN, (_RETURNS,)),
        (passes.REFERENCE, (_REFERENCE_RETURNED, _REFERENCE_ITEM)),
    ):
        for statement in statements:
            session.execute(statement, values)
        if rule is not passes.GROUP:
            _judge(work, rule)
        drop_paired(work, rule.id)
    session.execute(_AMOUNT_DATE, values | _windows(work, work.settings.window_days))
    _judge(work, passes.AMOUNT_DATE)


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
