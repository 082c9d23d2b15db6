"""Keeps the pairs that are alone as matches, and books them in steps of bounded size."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Row, text

from payments.ledger import accounting
from payments.reconciliation import passes
from payments.reconciliation.engine.booking import Booked, book_matches
from payments.reconciliation.engine.work import Work, join_by_hash, join_by_index, join_freely
from shared import audit
from shared.actors import SYSTEM
from shared.ids import new_id

STEP = 10_000
_MADE_TABLE = text(
    """
    DROP TABLE IF EXISTS pg_temp.work_made;
    CREATE TEMP TABLE work_made (
      id uuid, line_id uuid, target_type text, target_id uuid, run_id uuid, submission_id uuid,
      pence bigint, target_pence bigint, account text, rule_id text
    ) ON COMMIT DROP
    """
)
# In the order of lines, so that ids, and what is indexed by line, are written from left to right.
_MAKE = text(
    """
    INSERT INTO work_made
    SELECT cast(:prefix || lpad(to_hex(row_number() OVER ()), 12, '0') AS uuid), m.* FROM (
      SELECT p.line_id, coalesce(p.target_type, e.target_type), p.target_id,
             coalesce(p.run_id, e.run_id), coalesce(p.submission_id, e.submission_id),
             coalesce(p.pence, abs(e.amount_pence)),
             coalesce(p.target_pence, abs(e.amount_pence)), coalesce(p.account, e.ledger_account),
             p.rule
        FROM (
          SELECT line_id, NULL AS target_type, item_id AS target_id, NULL::uuid AS run_id,
                 NULL::uuid AS submission_id, NULL::bigint AS pence, NULL::bigint AS target_pence,
                 NULL AS account, :exact AS rule
            FROM work_seen WHERE line_id IS NOT NULL AND item_id IS NOT NULL
          UNION ALL
          SELECT line_id, target_type, target_id, run_id, submission_id, pence, target_pence,
                 account, rule FROM match_pair WHERE alone AND rule = ANY(:rules)) p
        LEFT JOIN expected_item e ON e.id = p.target_id
       ORDER BY p.line_id, p.target_id) m
    """
)
_MATCHES = text(
    """
    INSERT INTO match (id, line_id, target_type, target_id, amount_pence, target_pence, run_id,
                       rule_id, rule_version, score, reason, decided_by, decided_at)
    SELECT p.id, p.line_id, p.target_type, p.target_id, p.pence, p.target_pence,
           p.run_id, p.rule_id, r.version, r.score, r.reason, 'rules', :now
      FROM work_made p JOIN unnest(cast(:rules AS text[]), cast(:versions AS smallint[]),
             cast(:scores AS smallint[]), cast(:reasons AS text[]))
             AS r(rule, version, score, reason) ON r.rule = p.rule_id
    """
)
_ANY_SEEN = text("SELECT EXISTS (SELECT 1 FROM work_seen)")
_MADE = text(
    """
    SELECT p.*, CASE WHEN l.amount_pence < 0 THEN -p.pence ELSE p.pence END AS signed_pence,
           l.booking_date AS booked, l.return_reason, l.statement_id
      FROM work_made p JOIN statement_line l ON l.id = p.line_id ORDER BY p.line_id, p.target_id
    """
)


def committed_rules(work: Work) -> list[passes.Rule]:
    """Return the rules whose pairs become matches without a person."""
    by_amount = work.settings.commit_by_amount
    return [one for one in passes.PASSES if one is not passes.AMOUNT_DATE or by_amount]


def store_matches(work: Work) -> int:
    """Keep every pair that is alone and whose rule may commit; returns how many."""
    rules = committed_rules(work)
    _make(work, [one.id for one in rules])
    done = work.session.execute(
        _MATCHES,
        {
            "rules": [one.id for one in rules],
            "versions": [_version(work, one) for one in rules],
            "scores": [one.score for one in rules],
            "reasons": [one.reason for one in rules],
            "now": work.now,
        },
    )
    return int(done.rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count


def _make(work: Work, rules: list[str]) -> None:
    session = work.session
    session.execute(_MADE_TABLE)
    large = session.execute(_ANY_SEEN).scalar_one()
    (join_by_hash if large else join_by_index)(work)
    # An id as any other of this moment, its last 48 bits counted.
    prefix = str(new_id())[:24]
    session.execute(_MAKE, {"prefix": prefix, "exact": passes.EXACT_ITEM.id, "rules": rules})
    join_freely(work)


def _version(work: Work, rule: passes.Rule) -> int:
    # Thousands say which rules of the account were in force, the rest which version of the pass.
    return rule.version + 1000 * min(work.settings.version, 32)


def read_made(work: Work) -> Iterator[Sequence[Row[tuple[object, ...]]]]:
    """Yield the matches just made, in steps, the lines in order of their ids."""
    found = work.session.execute(_MADE, execution_options={"yield_per": STEP})
    yield from found.partitions()


def book_step(work: Work, rows: Sequence[Row[tuple[object, ...]]], *, rematch: bool) -> None:
    """Book a step of matches; what an earlier reconciliation had put into suspense is taken out."""
    if rematch:
        for line_id, group in groupby(rows, key=lambda row: row.line_id):
            row = next(group)
            accounting.post_identified(work.session, work.body, line_id, row.booked)
            facts = {"rule": row.rule_id, "target_type": row.target_type}
            facts["target_id"] = str(row.target_id)
            audit.record(
                work.session,
                SYSTEM,
                "reconciliation.line.rematched",
                "statement_line",
                line_id,
                facts,
            )
    book_matches(
        work.session,
        work.body,
        work.code,
        [_booked(row) for row in rows],
        suspended=False,
    )


def _booked(row: Row[tuple[object, ...]]) -> Booked:
    return Booked(
        row.id,
        row.line_id,
        row.target_type,
        row.target_id,
        row.run_id,
        row.submission_id,
        row.signed_pence,
        row.account,
        row.booked,
    )
