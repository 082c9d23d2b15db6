"""What waits, what went out and how old the holds are: from stored totals and small indexes."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

SENT = ("submitted", "accepted", "paid", "returned")
_RETURNED = ("returned", "scheme_rejected")
_DAYS_AHEAD = 4

_DAYS = text(
    """
    SELECT coalesce(r.processing_date, r.run_date) AS day,
           coalesce(sum(t.payments) FILTER (WHERE t.state = ANY (:sent)), 0)::bigint AS payments,
           coalesce(sum(t.pence) FILTER (WHERE t.state = ANY (:sent)), 0)::bigint AS pence,
           coalesce(sum(t.payments) FILTER (WHERE t.state = ANY (:back)), 0)::bigint AS returned
      FROM run r JOIN run_total t ON t.run_id = r.id
     WHERE r.organisation = :organisation
       AND r.created_at >= cast(:first AS date) - 60
       AND coalesce(r.processing_date, r.run_date) BETWEEN :first AND :last
     GROUP BY 1
    """
)
# Holds are few; the index of rare states finds them whatever else there is.
_HOLDS = text(
    """
    SELECT count(*) AS payments, coalesce(sum(amount_pence), 0)::bigint AS pence,
           count(*) FILTER (WHERE state_at < :week) AS older_than_week,
           count(*) FILTER (WHERE state_at < :month) AS older_than_month,
           min(state_at) AS oldest
      FROM payment
     WHERE organisation = :organisation AND state = 'held' AND rare_state IS NOT NULL
    """
)
_WAITING = text(
    """
    SELECT (SELECT count(*) FROM run WHERE organisation = :body AND state = 'awaiting_approval')
             AS to_approve,
           (SELECT count(*) FROM run WHERE organisation = :body AND state = 'approved')
             AS to_release,
           (SELECT count(*) FROM run WHERE organisation = :body AND state = 'collecting')
             AS to_put_forward,
           (SELECT count(*) FROM run WHERE organisation = :body AND state = 'correcting')
             AS to_correct,
           (SELECT count(*) FROM payee_change
             WHERE organisation = :body AND state = 'proposed'
               AND state IN ('checking', 'proposed')) AS payees_to_confirm,
           (SELECT count(*) FROM reconciliation_exception
             WHERE body = :body AND state = 'open') AS exceptions,
           (SELECT count(*) FROM webhook_endpoint
             WHERE organisation = :body AND state = 'suspended') AS stopped_webhooks
    """
)
_STATEMENTS = text(
    """
    SELECT a.name, s.to_date, s.state, s.closing_pence
      FROM bank_account a
      LEFT JOIN LATERAL (SELECT to_date, state, closing_pence FROM statement
                          WHERE bank_account_id = a.id ORDER BY to_date DESC LIMIT 1) s ON true
     WHERE a.body = :body ORDER BY a.code LIMIT 20
    """
)


@dataclass(frozen=True)
class Day:
    """What went out on a day, and how many of it came back since."""

    day: date
    payments: int
    pence: int
    returned: int


@dataclass(frozen=True)
class Holds:
    """How many payments are held now, and how long."""

    payments: int
    pence: int
    older_than_week: int
    older_than_month: int
    oldest: datetime | None


@dataclass(frozen=True)
class Waiting:
    """How many things of each kind wait for somebody of the body."""

    to_approve: int
    to_release: int
    to_put_forward: int
    to_correct: int
    payees_to_confirm: int
    exceptions: int
    stopped_webhooks: int


@dataclass(frozen=True)
class LastStatement:
    """The last statement of a bank account; nothing where there is none."""

    account: str
    to_date: date | None
    state: str | None
    closing_pence: int | None


def list_days_out(session: Session, organisation: str, today: date, days: int = 30) -> list[Day]:
    """Return each of the last days, the oldest first, with what the Bacs network was sent.

    And the next few: what was sent today is processed on a day to come.
    """
    first = today - timedelta(days=days - 1)
    days += _DAYS_AHEAD
    rows = session.execute(
        _DAYS,
        {
            "organisation": organisation,
            "first": first,
            "last": today + timedelta(days=_DAYS_AHEAD),
            "sent": list(SENT),
            "back": list(_RETURNED),
        },
    )
    found = {row.day: Day(*row) for row in rows}
    every = [first + timedelta(days=number) for number in range(days)]
    return [found.get(day, Day(day, 0, 0, 0)) for day in every]


def count_holds(session: Session, organisation: str, now: datetime) -> Holds:
    """Return how many payments are held, and how many of them for more than a week or a month."""
    values = {
        "organisation": organisation,
        "week": now - timedelta(days=7),
        "month": now - timedelta(days=30),
    }
    return Holds(*session.execute(_HOLDS, values).one())


def count_waiting(session: Session, body: str) -> Waiting:
    """Return what waits for somebody."""
    return Waiting(*session.execute(_WAITING, {"body": body}).one())


def list_last_statements(session: Session, body: str) -> list[LastStatement]:
    """Return the last statement of each bank account of a body."""
    return [LastStatement(*row) for row in session.execute(_STATEMENTS, {"body": body})]
