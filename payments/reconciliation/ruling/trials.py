"""Tries rules on lines of the past: what would be found, against what is found today.

Everything happens below a savepoint that is always taken back, so a trial keeps nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import text

from payments.reconciliation import passes
from payments.reconciliation.engine.pairs import find_pairs
from payments.reconciliation.engine.taking import take_days
from payments.reconciliation.engine.work import Work, get_span
from payments.reconciliation.passes import Settings
from shared.errors import FieldError, Invalid

_MOST_LINES = 200_000
_SAMPLES = 10
_FREE = text(
    """
    WITH freed AS (
      UPDATE match m SET state = 'undone', undone_by = 'trial', undone_at = now(),
             undo_reason = 'trial'
        FROM statement_line l WHERE l.id = m.line_id AND l.bank_account_id = :account
         AND l.booking_date BETWEEN :first AND :last AND m.state = 'live'
         AND m.target_type <> 'suspense' AND m.target_type <> 'write_off'
      RETURNING m.target_type, m.target_id)
    UPDATE submission s SET state = 'reported', settled_on = NULL, settled_pence = NULL
      FROM freed f WHERE f.target_type = 'submission' AND f.target_id = s.id
       AND s.state = 'settled'
    """
)
_FOUND = text(
    """
    SELECT line_id, bool_and(alone) AND bool_and(rule <> :unsure OR :by_amount) AS sure,
           bool_or(NOT alone) AS ambiguous,
           string_agg(target_type || target_id, ',' ORDER BY target_id) AS targets
      FROM match_pair GROUP BY line_id
    """
)
# What people decided, whole lines only: a part says nothing of the rest.
_DECIDED = text(
    """
    SELECT m.line_id, string_agg(m.target_type || m.target_id, ',' ORDER BY m.target_id) AS targets
      FROM match m JOIN statement_line l ON l.id = m.line_id
     WHERE l.bank_account_id = :account AND l.booking_date BETWEEN :first AND :last
       AND m.state = 'live' AND m.rule_id = 'person'
     GROUP BY m.line_id, l.amount_pence HAVING sum(m.amount_pence) = abs(l.amount_pence)
    """
)
Found = dict[str, tuple[bool, bool, str]]


@dataclass(frozen=True)
class Difference:
    """What new rules change among lines of the past; samples are ids of lines."""

    lines: int
    before: int
    after: int
    gained: int
    lost: int
    changed: int
    ambiguous: int
    # The rules are sure of other targets than a person decided.
    against: int
    samples: dict[str, list[str]]


def try_rules(work: Work, settings: Settings, first: date, last: date) -> Difference:
    """Return what rules would change for the account's lines of some days.

    Raises:
        Invalid: the days are the wrong way round, or hold more lines than a trial takes.
    """
    if first > last:
        raise Invalid(FieldError("first", "Enter a first day before the last"))
    savepoint = work.session.begin_nested()
    try:
        values = {"account": work.account_id, "first": first, "last": last}
        decided = {
            str(row.line_id): str(row.targets) for row in work.session.execute(_DECIDED, values)
        }
        work.session.execute(_FREE, values)
        before = _find(work, first, last)
        after = _find(replace(work, settings=settings), first, last)
        count = get_span(work).count
    finally:
        savepoint.rollback()
    return _compare(count, before, after, decided)


def _find(work: Work, first: date, last: date) -> Found:
    take_days(work, first, last)
    if get_span(work).count > _MOST_LINES:
        raise Invalid(FieldError("first", "These days hold too many lines: try fewer"))
    find_pairs(work)
    rows = work.session.execute(
        _FOUND, {"unsure": passes.AMOUNT_DATE.id, "by_amount": work.settings.commit_by_amount}
    )
    return {str(row.line_id): (row.sure, row.ambiguous, row.targets) for row in rows}


def _compare(count: int, before: Found, after: Found, decided: Mapping[str, str]) -> Difference:
    none = (False, False, "")
    kinds_of_change = ("gained", "lost", "changed", "ambiguous", "against")
    samples: dict[str, list[str]] = {kind: [] for kind in kinds_of_change}
    counts = dict.fromkeys(samples, 0)
    for line in sorted(before.keys() | after.keys()):
        old, new = before.get(line, none), after.get(line, none)
        kinds = [
            kind
            for kind, holds in (
                ("gained", new[0] and not old[0]),
                ("lost", old[0] and not new[0]),
                ("changed", old[0] and new[0] and old[2] != new[2]),
                ("ambiguous", new[1] and not old[1]),
                ("against", new[0] and decided.get(line, new[2]) != new[2]),
            )
            if holds
        ]
        for kind in kinds:
            counts[kind] += 1
            if len(samples[kind]) < _SAMPLES:
                samples[kind].append(line)
    return Difference(
        lines=count,
        before=sum(one[0] for one in before.values()),
        after=sum(one[0] for one in after.values()),
        samples=samples,
        **counts,
    )
