"""The sheets of a month: each one statement, in an order that never changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.queries import trial_balance
from payments.reports.audit.rules import instants_of
from payments.reports.prompt_payment.queries import list_figures
from payments.reports.prompt_payment.rules import Division

_BATCH = 2_000
_SHEETS: Mapping[str, str] = {
    "runs": """
        SELECT r.reference, g.name AS programme, r.run_date, r.rail, r.source, r.state,
               r.processing_date, t.payments, t.pence,
               (SELECT string_agg(DISTINCT e.actor_name, '; ') FROM run_event e
                 WHERE e.run_id = r.id AND e.payment_id IS NULL AND e.kind = 'put_forward')
                 AS put_forward_by,
               (SELECT max(e.at) FROM run_event e
                 WHERE e.run_id = r.id AND e.payment_id IS NULL AND e.kind = 'put_forward')
                 AS put_forward_at,
               (SELECT string_agg(a.person_name || ' ' || to_char(a.approved_at AT TIME ZONE 'UTC',
                                  'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '; ' ORDER BY a.approved_at, a.id)
                  FROM run_approval a WHERE a.run_id = r.id AND a.round = r.round) AS approvals,
               (SELECT string_agg(DISTINCT e.actor_name, '; ') FROM run_event e
                 WHERE e.run_id = r.id AND e.payment_id IS NULL AND e.kind = 'released')
                 AS released_by,
               encode(r.content_hash, 'hex') AS content_sha256, s.serial, s.payment_count,
               s.total_pence, encode(f.content_sha256, 'hex') AS file_sha256,
               f.content_bytes AS file_bytes
          FROM run r
          JOIN programme g ON g.id = r.programme_id
          LEFT JOIN LATERAL (SELECT sum(payments)::bigint AS payments, sum(pence)::bigint AS pence
                               FROM run_total WHERE run_id = r.id
                                AND state NOT IN ('cancelled', 'recalled')) t ON true
          LEFT JOIN LATERAL (SELECT * FROM submission WHERE run_id = r.id
                              ORDER BY created_at DESC, id LIMIT 1) s ON true
          LEFT JOIN LATERAL (SELECT content_sha256, content_bytes FROM attempt
                              WHERE submission_id = s.id ORDER BY number DESC LIMIT 1) f ON true
         WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
         ORDER BY r.run_date, r.reference
    """,
    "in-transit": """
        SELECT s.serial, r.reference AS run, b.code AS bank_account, s.processing_day, s.state,
               s.payment_count, s.total_pence, s.acknowledged_at, s.settled_on, s.settled_pence
          FROM submission s
          JOIN bank_account b ON b.id = s.bank_account_id
          JOIN run r ON r.id = s.run_id
         WHERE s.body = :body AND s.acknowledged_at < :until AND s.state <> 'refused'
           AND (s.settled_on IS NULL OR s.settled_on > :last)
         ORDER BY s.processing_day, s.serial
    """,
    "unreconciled-lines": """
        SELECT b.code AS bank_account, l.booking_date, l.seq, l.kind, l.amount_pence,
               coalesce(a.allocated_pence, 0) AS matched_pence, l.reference, l.bank_ref
          FROM bank_account b
          JOIN statement_line l ON l.bank_account_id = b.id
          LEFT JOIN line_allocation a ON a.line_id = l.id
         WHERE b.body = :body AND l.booking_date <= :last AND NOT l.set_aside
           AND coalesce(a.allocated_pence, 0) < abs(l.amount_pence)
         ORDER BY b.code, l.booking_date, l.seq, l.id
    """,
    "exceptions": """
        SELECT x.code, x.severity, x.value_pence, x.reason, x.state, x.due_on, x.created_at,
               x.closed_at
          FROM reconciliation_exception x
         WHERE x.body = :body AND x.created_at < :until
           AND (x.closed_at IS NULL OR x.closed_at >= :since)
         ORDER BY x.created_at, x.id
    """,
    "overrides": """
        SELECT o.payment_reference, o.amount_pence, o.hold_code, o.hold_reason, o.outcome,
               o.reason_code, o.policy_version, o.reason, o.person_name, o.decided_at
          FROM hold_override o
         WHERE o.organisation = :body AND o.decided_at >= :since AND o.decided_at < :until
         ORDER BY o.decided_at, o.id
    """,
    "rule-changes": """
        SELECT c.kind, c.measure, c.rail, c.pence, c.approvals, c.person_name AS authority_of,
               c.valid_from, c.valid_until, c.state, c.reason, c.proposed_by_name, c.proposed_at,
               c.decided_by_name, c.decided_at, c.ended_at
          FROM control_rule c
         WHERE c.organisation = :body AND (c.proposed_at >= :since AND c.proposed_at < :until
            OR c.decided_at >= :since AND c.decided_at < :until
            OR c.ended_at >= :since AND c.ended_at < :until)
         ORDER BY c.proposed_at, c.id
    """,
    "statements": """
        SELECT b.code AS bank_account, s.identification, s.from_date, s.to_date, s.state,
               s.line_count, s.opening_pence, s.closing_pence,
               encode(f.content_sha256, 'hex') AS file_sha256
          FROM statement s
          JOIN bank_account b ON b.id = s.bank_account_id
          JOIN statement_file f ON f.id = s.file_id
         WHERE s.body = :body AND s.to_date BETWEEN :first AND :last
         ORDER BY b.code, s.to_date, s.identification, s.id
    """,
    "reconciliations": """
        SELECT b.code AS bank_account, o.day, o.state, o.figures::text AS figures,
               encode(o.sha256, 'hex') AS sha256, o.prepared_name, o.prepared_at, o.signed_name,
               o.signed_at
          FROM reconciliation_sign_off o JOIN bank_account b ON b.id = o.bank_account_id
         WHERE o.body = :body AND o.day BETWEEN :first AND :last
         ORDER BY b.code, o.day, o.prepared_at, o.id
    """,
}


@dataclass(frozen=True)
class Sheet:
    """A table of the pack: its name, its columns and its rows, read as they are asked for."""

    name: str
    head: Sequence[str]
    rows: Iterator[Sequence[object]]


def list_sheets(
    session: Session, body: str, first: date, last: date, division: Division
) -> Iterator[Sheet]:
    """Yield the sheets of the days from ``first`` to ``last``; use each before the next."""
    yield _accounts(session, body, first, last)
    yield _trial_balance(session, body, last)
    since, until = instants_of(first, last)
    values = {"body": body, "first": first, "last": last, "since": since, "until": until}
    for name, statement in _SHEETS.items():
        found = session.execute(text(statement), values, execution_options={"yield_per": _BATCH})
        yield Sheet(
            name, tuple(found.keys()), (tuple(plain_cell(cell) for cell in row) for row in found)
        )
    yield _prompt_payment(session, body, first, last, division)


def _accounts(session: Session, body: str, first: date, last: date) -> Sheet:
    """Return opening, movements and closing of every account: the first plus the second."""
    opening = {
        one.code: one for one in trial_balance(session, body, as_of=first - timedelta(days=1))
    }
    rows = []
    for closing in trial_balance(session, body, as_of=last):
        before = opening[closing.code]
        rows.append(
            (
                closing.code,
                closing.type,
                before.posted_pence,
                closing.posted_debit - before.posted_debit,
                closing.posted_credit - before.posted_credit,
                closing.posted_pence,
            )
        )
    head = ("account", "type", "opening_pence", "debit_pence", "credit_pence", "closing_pence")
    return Sheet("accounts", head, iter(rows))


def _trial_balance(session: Session, body: str, last: date) -> Sheet:
    rows = [
        (
            one.code,
            one.type,
            max(one.posted_pence, 0),
            max(-one.posted_pence, 0),
            one.pending_debit,
            one.pending_credit,
        )
        for one in trial_balance(session, body, as_of=last)
    ]
    head = ("account", "type", "debit_pence", "credit_pence", "pending_debit", "pending_credit")
    return Sheet("trial-balance", head, iter(rows))


def _prompt_payment(
    session: Session, body: str, first: date, last: date, division: Division
) -> Sheet:
    rows = [
        (one.programme, one.invoices, one.pence, one.within_10, one.within_30, division)
        for one in list_figures(session, body, first, last, division)
    ]
    head = (
        "programme",
        "invoices",
        "pence",
        "within_10_working_days",
        "within_30_days",
        "calendar",
    )
    return Sheet("prompt-payment", head, iter(rows))


def plain_cell(cell: object) -> object:
    """Return a cell as CSV and JSON carry it: times in UTC with a Z, days in ISO form."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, date) else cell
