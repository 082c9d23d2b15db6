"""Says of every line that no rule could match why not, with what almost fits."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Row, text

from payments.bank import calendar
from payments.reconciliation import passes
from payments.reconciliation.engine.store import STEP, committed_rules
from payments.reconciliation.engine.work import Work
from payments.reconciliation.rules import SEVERITIES, ExceptionCode
from shared.clock import london_date
from shared.ids import new_id

DAYS_TO_ACT = 3
_LEFT = text(
    """
    WITH done AS MATERIALIZED (
      SELECT DISTINCT line_id FROM match_pair WHERE alone AND rule = ANY(:rules)
    ), fits AS MATERIALIZED (
      SELECT line_id, jsonb_agg(jsonb_build_array(target_type, target_id, rule, alone)
                                ORDER BY rule, target_type, target_id) AS candidates
        FROM (SELECT p.*, row_number() OVER (PARTITION BY line_id
                                             ORDER BY rule, target_type, target_id) AS rank
                FROM match_pair p WHERE NOT (p.alone AND p.rule = ANY(:rules))) p
       WHERE rank <= 10 GROUP BY line_id)
    SELECT l.id, l.statement_id, l.amount AS amount_pence, l.booked AS booking_date, l.kind,
           s.occurrence, c.candidates, k.hits
      FROM work_line l JOIN statement_line s ON s.id = l.id
      LEFT JOIN fits c ON c.line_id = l.id
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(h.target_type, h.id, h.amount_pence, h.taken)
                         ORDER BY h.target_type, h.id) AS hits
          FROM (SELECT e.target_type, e.id, e.amount_pence, coalesce(t.allocated_pence, 0) > 0
                       AS taken
                  FROM expected_item e LEFT JOIN match_target t
                    ON t.target_type = e.target_type AND t.target_id = e.id
                 WHERE c.candidates IS NULL AND e.bank_account_id = :account
                   AND e.id IN (
                     SELECT id FROM expected_item WHERE bank_account_id = :account
                        AND l.end_to_end_id <> '' AND end_to_end_id = l.end_to_end_id
                     UNION ALL
                     SELECT id FROM expected_item WHERE bank_account_id = :account
                        AND l.uetr <> '' AND uetr <> '' AND uetr = l.uetr
                     UNION ALL
                     (SELECT id FROM expected_item WHERE bank_account_id = :account
                        AND length(l.key) >= 6 AND reference_key <> '' AND reference_key = l.key
                       LIMIT 20))
                   AND sign(e.amount_pence) = sign(l.amount)
                 ORDER BY e.id LIMIT 5) h) k ON true
     WHERE NOT EXISTS (SELECT 1 FROM done p WHERE p.line_id = l.id)
     ORDER BY l.id
    """
)
_EXCEPTION = text(
    """
    INSERT INTO reconciliation_exception (id, body, bank_account_id, statement_id, line_id,
      payment_id, code, severity, value_pence, reason, candidates, due_on, created_at)
    VALUES (:id, :body, :account, :statement, :line, :payment, :code, :severity, :pence, :reason,
            cast(:candidates AS jsonb), :due, :now)
    ON CONFLICT DO NOTHING
    """
)
_CLOSE_OF_LINES = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now, resolution = :how"
    " WHERE line_id = ANY(cast(:lines AS uuid[])) AND code <> ALL(:besides) AND state = 'open'"
)
Left = Row[tuple[object, ...]]


def read_left(work: Work) -> Iterator[Sequence[Left]]:
    """Yield the lines without a match in steps, with the pairs that a rule found for them."""
    values = {"account": work.account_id, "rules": [one.id for one in committed_rules(work)]}
    found = work.session.execute(_LEFT, values, execution_options={"yield_per": STEP})
    yield from found.partitions()


def explain(work: Work, line: Left) -> dict[str, object]:
    """Return the exception of a line that no rule could match."""
    code: ExceptionCode
    pairs, hits = line.candidates or [], line.hits or []
    candidates = [_candidate(*pair[:3]) for pair in pairs]
    suggested = bool(pairs) and all(pair[3] for pair in pairs)
    if suggested:
        code, reason = "UNMATCHED_LINE", "one target fits by amount and day: a person decides"
    elif pairs:
        code, reason = "AMB", f"{len(pairs)} pairs fit equally well: none was chosen"
    elif line.kind == "return":
        code, reason = "RETURN_NO_ORIGINAL", "a returned credit that fits no payment of ours"
    elif line.kind == "contra":
        code, reason = "AMT", "a Bacs debit that equals no submission's accepted total"
    elif line.occurrence > 1:
        code, reason = "DUPLICATE_LINE", "the statement has the same line before"
    else:
        code, reason, candidates = _explain_hits(line, hits)
    return describe(
        work,
        line.statement_id,
        code,
        reason,
        abs(line.amount_pence),
        line_id=line.id,
        candidates=candidates,
    )


def _explain_hits(
    line: Left, hits: Sequence[Sequence[object]]
) -> tuple[ExceptionCode, str, list[dict[str, object]]]:
    """Judge by targets with the line's reference that are taken, or of another amount."""
    found = [
        {
            "target_type": hit[0],
            "target_id": hit[1],
            "rule": "",
            "score": 60,
            "reason": "the reference is the same, the amount is another"
            if hit[2] != line.amount_pence
            else "the reference and the amount are the same",
        }
        for hit in hits
    ]
    if any(hit[3] and hit[2] == line.amount_pence for hit in hits):
        return "DUPLICATE_LINE", "another line explains its payment already", found
    if any(hit[2] != line.amount_pence for hit in hits):
        return "AMT", "the reference fits, the amount does not", found
    if hits:
        return "DAT", "reference and amount fit, the day does not", found
    return "UNMATCHED_LINE", "nothing of ours explains this line", []


def _candidate(target_type: str, target_id: str, rule_id: str) -> dict[str, object]:
    rule = passes.BY_ID[rule_id]
    return {
        "target_type": target_type,
        "target_id": target_id,
        "rule": rule.id,
        "score": rule.score,
        "reason": rule.reason,
    }


def keep_exceptions(work: Work, exceptions: Sequence[dict[str, object]]) -> None:
    """Write exceptions down; one that is open already stays as it is."""
    if exceptions:
        work.session.execute(_EXCEPTION, list(exceptions))


def close_exceptions(
    work: Work, lines: Sequence[UUID], how: str, besides: Sequence[str] = ()
) -> None:
    """Close what is open about lines, except exceptions of some codes."""
    values: Mapping[str, object] = {
        "lines": list(lines),
        "how": how,
        "besides": list(besides),
        "now": work.now,
    }
    work.session.execute(_CLOSE_OF_LINES, dict(values))


def describe(
    work: Work,
    statement_id: UUID,
    code: ExceptionCode,
    reason: str,
    pence: int,
    *,
    line_id: UUID | None = None,
    payment: UUID | None = None,
    candidates: Sequence[dict[str, object]] = (),
) -> dict[str, object]:
    """Return an exception of the account in hand, due in three Bacs days."""
    return {
        "id": new_id(),
        "body": work.body,
        "account": work.account_id,
        "statement": statement_id,
        "line": line_id,
        "payment": payment,
        "code": code,
        "severity": SEVERITIES[code],
        "pence": pence,
        "reason": reason,
        "candidates": json.dumps(list(candidates)),
        "due": _due(london_date(work.now)),
        "now": work.now,
    }


def _due(today: date) -> date:
    return calendar.shift(today, DAYS_TO_ACT)
