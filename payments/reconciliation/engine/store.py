"""Keeps the pairs that are alone as matches, and books them in steps of bounded size."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Row, text

from payments.ledger import accounting
from payments.reconciliation import passes
from payments.reconciliation.engine.booking import Booked, book_matches
from payments.reconciliation.engine.work import Work
from shared import audit
from shared.actors import SYSTEM

STEP = 10_000
_MATCHES = text(
    """
    INSERT INTO match (id, line_id, target_type, target_id, amount_pence, target_pence, run_id,
                       rule_id, rule_version, score, reason, decided_by, decided_at)
    SELECT p.id, p.line_id, p.target_type, p.target_id, p.pence, p.target_pence, p.run_id,
           p.rule, r.version, r.score, r.reason, 'rules', :now
      FROM match_pair p JOIN unnest(cast(:rules AS text[]), cast(:versions AS smallint[]),
             cast(:scores AS smallint[]), cast(:reasons AS text[]))
             AS r(rule, version, score, reason) ON r.rule = p.rule
     WHERE p.alone
    """
)
_MADE = text(
    """
    SELECT p.id, p.line_id, p.target_type, p.target_id, p.run_id, p.submission_id,
           CASE WHEN l.amount < 0 THEN -p.pence ELSE p.pence END AS signed_pence, p.account,
           l.booked, l.return_reason, l.statement_id, p.rule AS rule_id
      FROM match_pair p JOIN work_line l ON l.id = p.line_id
     WHERE p.alone AND p.rule = ANY(:rules) ORDER BY p.line_id, p.target_id
    """
)


def committed_rules(work: Work) -> list[passes.Rule]:
    """Return the rules whose pairs become matches without a person."""
    by_amount = work.settings.commit_by_amount
    return [one for one in passes.PASSES if one is not passes.AMOUNT_DATE or by_amount]


def store_matches(work: Work) -> int:
    """Keep every pair that is alone and whose rule may commit; returns how many."""
    rules = committed_rules(work)
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


def _version(work: Work, rule: passes.Rule) -> int:
    # Thousands say which rules of the account were in force, the rest which version of the pass.
    return rule.version + 1000 * min(work.settings.version, 32)


def read_made(work: Work) -> Iterator[Sequence[Row[tuple[object, ...]]]]:
    """Yield the matches just made, in steps, the lines in order of their ids."""
    rules = [one.id for one in committed_rules(work)]
    found = work.session.execute(_MADE, {"rules": rules}, execution_options={"yield_per": STEP})
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
