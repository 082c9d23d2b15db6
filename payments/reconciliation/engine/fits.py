"""Brings lines and targets together by what they have in common, and counts before it decides.

Lines that agree in everything a pass looks at are one group, and so are targets. Groups are joined,
never their members, so a thousand equal lines and a thousand equal targets are one row and not a
million. A pair is alone when its line fits one target and its target one line, by these counts.
"""

from sqlalchemy import TextClause, text

from payments.reconciliation.engine.work import Work
from payments.reconciliation.passes import Rule

SHOWN = 10
_CLEAR = text("TRUNCATE work_fit")
_COUNT = text("SELECT count(*) FROM work_fit WHERE NOT alone")
_ALONE = text(
    """
    INSERT INTO match_pair
    SELECT f.line_ids[1], f.target_type, f.item_ids[1], s.run_id, s.submission_id, abs(f.amount),
           abs(f.amount),
           CASE WHEN f.target_type = 'returned_payment' THEN 'returns_receivable' END, :rule, true
      FROM work_fit f LEFT JOIN work_sent s
        ON f.target_type = 'returned_payment' AND s.id = f.item_ids[1]
     WHERE f.alone
    """
)
# Of the many targets that fit a group of lines, the first by id are shown with each line.
_UNSURE = text(
    f"""
    WITH few AS MATERIALIZED (
      SELECT f.place, f.target_type, f.amount, i.id,
             row_number() OVER (PARTITION BY f.place ORDER BY f.target_type, i.id) AS rank
        FROM work_fit f CROSS JOIN LATERAL (
          SELECT u.id FROM unnest(f.item_ids) AS u(id) ORDER BY u.id LIMIT {SHOWN}) i
       WHERE NOT f.alone), lines AS (
      SELECT w.place, u.id FROM (
        SELECT DISTINCT ON (place) place, line_ids FROM work_fit WHERE NOT alone) w
        CROSS JOIN LATERAL unnest(w.line_ids) AS u(id))
    INSERT INTO match_pair
    SELECT l.id, f.target_type, f.id, NULL, NULL, abs(f.amount), abs(f.amount), NULL, :rule, false
      FROM lines l JOIN few f ON f.place = l.place WHERE f.rank <= {SHOWN}
    """
)
_DROP_LINES = text(
    "UPDATE work_line w SET rule = :rule FROM (SELECT DISTINCT unnest(line_ids) AS id"
    " FROM work_fit) f WHERE f.id = w.id"
)
_DROP_ITEMS = text(
    "DELETE FROM work_free w USING (SELECT DISTINCT unnest(item_ids) AS id FROM work_fit) f"
    " WHERE f.id = w.id"
)
ITEMS = "SELECT id, target_type, amount, due_on AS day, end_to_end_id, key FROM work_free"


def make_fit(
    line_key: str, item_key: str, *, lines: str, items: str, days: str, source: str = ITEMS
) -> TextClause:
    """Return the statement that joins groups of lines with groups of targets.

    The keys are expressions over ``w`` (``work_line``) and ``e`` (targets); ``lines`` and ``items``
    say which are asked at all; ``days`` is what must hold of the days of two groups.
    """
    return text(
        f"""
        WITH wanted AS MATERIALIZED (
          SELECT {line_key} AS key, w.amount, w.booked, count(*) AS n, array_agg(w.id) AS ids,
                 row_number() OVER () AS place
            FROM work_line w WHERE w.rule IS NULL AND {lines} GROUP BY 1, 2, 3),
        offered AS MATERIALIZED (
          SELECT {item_key} AS key, e.amount, e.day, e.target_type, count(*) AS n,
                 array_agg(e.id) AS ids, row_number() OVER () AS place
            FROM ({source}) e WHERE {items} AND {item_key} IN (SELECT DISTINCT key FROM wanted)
           GROUP BY 1, 2, 3, 4), pairs AS (
          SELECT w.place, w.ids AS line_ids, e.target_type, e.ids AS item_ids, w.amount,
                 sum(e.n) OVER (PARTITION BY w.place) AS items,
                 sum(w.n) OVER (PARTITION BY e.place) AS lines
            FROM wanted w JOIN offered e ON e.key = w.key AND e.amount = w.amount AND {days})
        INSERT INTO work_fit
        SELECT place, line_ids, target_type, item_ids, amount, items = 1 AND lines = 1 FROM pairs
        """
    )


def fit(
    work: Work, statement: TextClause, rule: Rule, values: dict[str, object], *, after: int = 9
) -> None:
    """Run a pass: pairs that are alone, of the others some to show, and none of them free after.

    ``after`` says how many passes follow: the last but one leaves its lines marked by their pairs
    alone, and the last leaves everything.
    """
    session = work.session
    session.execute(_CLEAR)
    session.execute(statement, values)
    session.execute(_ALONE, {"rule": rule.id})
    if session.execute(_COUNT).scalar_one():
        session.execute(_UNSURE, {"rule": rule.id})
    if after:
        session.execute(_DROP_ITEMS)
    if after > 1:
        session.execute(_DROP_LINES, {"rule": rule.id})
