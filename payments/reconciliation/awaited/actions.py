"""What waits too long becomes an exception, once; what waits no more is none."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank import calendar
from payments.reconciliation.awaited.queries import AWAITED, get_days, get_unmatched_days
from payments.reconciliation.awaited.rules import MOST_DAYS, last_working_day, latest_due
from payments.reconciliation.engine.explain import DAYS_TO_ACT
from payments.reconciliation.engine.pairs import register_payments
from payments.reconciliation.matching import open_work
from payments.reconciliation.rules import SEVERITIES
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid

# NOT IN is a hash of what is awaited, whatever the planner believes of its size; an anti-join would
# be a loop over all of it for each exception where statistics are old.
_CLOSE = text(
    f"""{AWAITED}
    UPDATE reconciliation_exception e
       SET state = 'closed', closed_at = :now, resolution = 'not awaited any more'
     WHERE e.code = 'UNMATCHED_PAYMENT' AND e.state = 'open' AND e.bank_account_id = :account
       AND e.target_id NOT IN (SELECT target_id FROM awaited)
    """
)
_RAISE = text(
    f"""{AWAITED}
    INSERT INTO reconciliation_exception (id, body, bank_account_id, submission_id, target_id,
      payment_id, code, severity, value_pence, reason, candidates, due_on, created_at)
    SELECT match_id(), :body, a.bank_account_id, a.submission_id, a.target_id, a.payment_id,
           'UNMATCHED_PAYMENT', :severity, a.pence, :reason, '[]'::jsonb, :due, :now
      FROM awaited a WHERE a.bank_account_id = :account AND a.due_on <= :latest
     ORDER BY a.due_on, a.target_id
    ON CONFLICT DO NOTHING
    """
)
_TAKE = text(
    "UPDATE reconciliation_exception SET owner = :by, owner_name = :name"
    " WHERE body = :body AND target_id = :target AND code = 'UNMATCHED_PAYMENT' AND state = 'open'"
)
_KEEP = text(
    """
    INSERT INTO reconciliation_setting AS s
      (body, unmatched_days, changed_by, changed_name, changed_at)
    VALUES (:body, :days, :by, :name, :now)
    ON CONFLICT (body) DO UPDATE SET unmatched_days = excluded.unmatched_days,
      changed_by = excluded.changed_by, changed_name = excluded.changed_name,
      changed_at = excluded.changed_at
    """
)


def raise_late(session: Session, body: str, account_id: UUID, now: datetime) -> int:
    """Raise UNMATCHED_PAYMENT for what an account awaits too long; returns how many are new.

    One for each line that the bank owes: the debit of a whole file, or of one payment where the
    bank debits one by one. Closes those whose file was refused or whose payment was rejected
    meanwhile; matching closes the others at once. Safe to run again.
    """
    work = open_work(session, account_id, now)
    register_payments(work)
    today = london_date(now)
    days = get_unmatched_days(session, body)
    values = get_days(session, body) | {
        "account": account_id,
        "latest": latest_due(today, days),
        "due": calendar.shift(last_working_day(today), DAYS_TO_ACT),
        "severity": SEVERITIES["UNMATCHED_PAYMENT"],
        "reason": f"no statement shows it {days} working days after it was due",
        "now": now,
    }
    session.execute(_CLOSE, values)
    return int(session.execute(_RAISE, values).rowcount)  # type: ignore[attr-defined]  # an INSERT


def take_late(session: Session, target_id: UUID, actor: Actor) -> None:
    """Make the person the owner of what is late: a file or a single payment.

    Raises:
        Conflict: it is not late any more, or is of another body.
    """
    values = {"body": actor.organisation, "target": target_id, "by": actor.id, "name": actor.name}
    if session.execute(_TAKE, values).rowcount == 0:  # type: ignore[attr-defined]  # an UPDATE
        raise Conflict("not_late", "This is not late any more")
    audit.record(session, actor, "reconciliation.late_taken", "payment_or_file", target_id)


def set_unmatched_days(session: Session, days: int, actor: Actor, now: datetime) -> None:
    """Set after how many working days a payment without its statement line is an exception.

    Raises:
        Invalid: not 1 to 30 days.
    """
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(FieldError("days", "Enter a number of working days from 1 to 30"))
    body = actor.organisation or ""
    before = get_unmatched_days(session, body)
    values = {"body": body, "days": days, "by": actor.id, "name": actor.name, "now": now}
    session.execute(_KEEP, values)
    facts = {"before": before, "after": days}
    audit.record(session, actor, "reconciliation.unmatched_days_set", "body", body, facts)
