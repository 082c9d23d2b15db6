"""The tables of an auditor's pack that the month-end pack does not have."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.gl.journals.queries import NUMBERED
from payments.reports.audit.queries import (
    SHAPING,
    Deed,
    Meeting,
    Sampled,
    Seen,
    count_approved_runs,
    draw_random,
    list_deeds,
    list_meetings,
    list_seen,
)
from payments.reports.audit.rules import instants_of
from payments.reports.auditor.rules import SAMPLE
from payments.reports.month_end.queries import Sheet, plain_cell

_BATCH = 2_000
_SHEETS: Mapping[str, str] = {
    "approvals": """
        SELECT r.reference AS run, a.round, a.person_id, a.person_name, a.approved_at,
               encode(a.content_hash, 'hex') AS content_sha256,
               EXISTS (SELECT FROM run_event e WHERE e.run_id = r.id AND e.actor_id = a.person_id
                          AND e.kind = ANY (:shaping)) AS had_a_hand_in_it
          FROM run r JOIN run_approval a ON a.run_id = r.id
         WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
         ORDER BY r.run_date, r.reference, a.round, a.approved_at, a.id
    """,
    "journals": f"""
        SELECT j.number, j.state, j.effective_on, j.description, j.reason, o.number AS reverses,
               j.total_pence, j.made_by_id, j.made_by_name, j.made_at, j.decided_by_id,
               j.decided_by_name, j.decided_at, j.decision_reason, j.entry_id::text AS entry,
               n.year || '/' || n.number AS ledger_number,
               encode(j.content_sha256, 'hex') AS content_sha256
          FROM journal j LEFT JOIN journal o ON o.id = j.reverses {NUMBERED}
         WHERE j.body = :body AND (j.effective_on BETWEEN :first AND :last
            OR j.made_at >= :since AND j.made_at < :until)
         ORDER BY j.number
    """,
    "journal-lines": """
        SELECT j.number AS journal, l.line_no, l.account, l.amount_pence, l.note
          FROM journal j JOIN journal_line l ON l.journal_id = j.id
         WHERE j.body = :body AND (j.effective_on BETWEEN :first AND :last
            OR j.made_at >= :since AND j.made_at < :until)
         ORDER BY j.number, l.line_no
    """,
    "write-offs": """
        SELECT b.code AS bank_account, p.state, p.account_code, p.amount_pence, p.reason,
               l.booking_date, l.reference, p.proposed_by, p.proposed_name, p.proposed_at,
               p.decided_by, p.decided_name, p.decided_at
          FROM reconciliation_proposal p JOIN bank_account b ON b.id = p.bank_account_id
          LEFT JOIN statement_line l ON l.id = p.line_id
         WHERE p.body = :body AND p.kind = 'write_off'
           AND (p.proposed_at >= :since AND p.proposed_at < :until
            OR p.decided_at >= :since AND p.decided_at < :until)
         ORDER BY p.proposed_at, p.id
    """,
    "holds": """
        SELECT h.level, g.slug AS programme, r.reference AS run, y.public_id AS payment, h.reason,
               h.owner, h.review_on, h.placed_by_id, h.placed_by_name, h.placed_at, h.lifted_by_id,
               h.lifted_by_name, h.lifted_at, h.lift_reason
          FROM hold h LEFT JOIN programme g ON g.id = h.programme_id
          LEFT JOIN run r ON r.id = h.run_id LEFT JOIN payment y ON y.id = h.payment_id
         WHERE h.organisation = :body AND (h.placed_at >= :since AND h.placed_at < :until
            OR h.lifted_at >= :since AND h.lifted_at < :until)
         ORDER BY h.placed_at, h.id
    """,
    "delegations": """
        SELECT d.from_id, d.from_name, d.to_id, d.to_name, d.pence, g.slug AS programme,
               d.valid_from, d.valid_until, d.reason, d.state, d.proposed_at, d.decided_by_id,
               d.decided_by_name, d.decided_at, d.ended_by_name, d.ended_at
          FROM delegation d LEFT JOIN programme g ON g.id = d.programme_id
         WHERE d.organisation = :body AND d.valid_from <= :last AND d.valid_until >= :first
         ORDER BY d.proposed_at, d.id
    """,
    "screening": """
        SELECT y.public_id AS payment, c.state, c.opened_at, c.decided_at, c.decided_by_id,
               c.decided_by_name, c.reason
          FROM screening_case c LEFT JOIN payment y ON y.id = c.payment_id
         WHERE c.organisation = :body AND (c.opened_at >= :since AND c.opened_at < :until
            OR c.decided_at >= :since AND c.decided_at < :until)
         ORDER BY c.opened_at, c.id
    """,
    "period-closes": """
        SELECT p.starts_on, c.state, c.asked_by_id, c.asked_by_name, c.asked_at, c.decided_by_id,
               c.decided_by_name, c.decided_at, c.reason,
               encode(c.proof_sha256, 'hex') AS proof_sha256, c.proof::text AS proof
          FROM period_close c JOIN period p ON p.id = c.period_id
         WHERE c.body = :body AND p.starts_on <= :last AND p.ends_before > :first
         ORDER BY p.starts_on, c.asked_at, c.id
    """,
    "exports": """
        SELECT x.number, x.year, x.first_number, x.last_number, x.lines, x.debit_pence,
               x.credit_pence, encode(x.content_sha256, 'hex') AS csv_sha256, x.made_by_name,
               x.made_at, x.acknowledgement, x.acknowledged_by_name, x.acknowledged_at
          FROM gl_export x
         WHERE x.body = :body AND x.made_at >= :since AND x.made_at < :until ORDER BY x.number
    """,
    "sources": """
        SELECT r.source, r.rail, count(DISTINCT r.id) AS runs, sum(t.payments)::bigint AS payments,
               sum(t.pence)::bigint AS pence
          FROM run r LEFT JOIN run_total t ON t.run_id = r.id
         WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
         GROUP BY r.source, r.rail ORDER BY r.source, r.rail
    """,
}


def list_more_sheets(session: Session, body: str, first: date, last: date) -> Iterator[Sheet]:
    """Yield the tables of the days from ``first`` to ``last``; use each before the next."""
    since, until = instants_of(first, last)
    values = {
        "body": body,
        "first": first,
        "last": last,
        "since": since,
        "until": until,
        "shaping": list(SHAPING),
    }
    for name, statement in _SHEETS.items():
        found = session.execute(text(statement), values, execution_options={"yield_per": _BATCH})
        rows = (tuple(plain_cell(cell) for cell in row) for row in found)
        yield Sheet(name, tuple(found.keys()), rows)
    yield _of("separation-of-duties", Meeting, list_meetings(session, body, first, last))
    runs = count_approved_runs(session, body, first, last)
    yield Sheet("duties-examined", ("approved_runs",), iter([(runs,)]))
    yield _of("access", Seen, list_seen(session, body))
    yield _of("deeds", Deed, list_deeds(session, body, since, until))
    seed = f"{body}/{first.isoformat()}/{last.isoformat()}"
    yield _of("sample", Sampled, draw_random(session, body, first, last, seed, SAMPLE))


def _of(
    name: str,
    kind: type[Meeting | Seen | Deed | Sampled],
    found: Sequence[Meeting | Seen | Deed | Sampled],
) -> Sheet:
    head = tuple(kind.__dataclass_fields__)
    return Sheet(name, head, (tuple(_cell(vars(one)[member]) for member in head) for one in found))


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        return " ".join(str(one) for one in value)
    plain = plain_cell(value)
    return plain if plain is None or isinstance(plain, str | int) else str(plain)
