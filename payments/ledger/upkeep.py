"""Daily upkeep of the ledger: reservations that expired, months ahead, the proof of balances."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.work.actions import NewItem, open_items
from payments.ledger.accounting import expire_reservation
from payments.ledger.balances import fold_balances
from payments.ledger.places import open_periods
from payments.ledger.queries import list_faults
from payments.ledger.rules import month_of
from payments.settings import PaymentsSettings
from shared import audit, outbox
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.db import Database
from shared.logs import get_logger
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

_TOPIC = "payments.ledger.upkeep"
_EPOCH = datetime(2000, 1, 1, 3, tzinfo=UTC)
_DAY = timedelta(days=1)
# The database's clock decides, so that no process with a wrong one frees money (contract 1.3).
_EXPIRED = text(
    """
    SELECT e.id, e.body, e.event_id, e.effective_on,
           (SELECT sum(amount) FROM posting p WHERE p.entry_id = e.id AND amount > 0)::bigint
             AS pence
      FROM entry e
     WHERE e.kind = 'pending'
       AND e.recorded_at < clock_timestamp() - make_interval(days => :days)
       AND NOT EXISTS (SELECT 1 FROM pending_resolution r WHERE r.pending_entry_id = e.id)
     ORDER BY e.id LIMIT 500
    """
)
_BODIES = text("SELECT DISTINCT body FROM account ORDER BY body")


def plan_upkeep(session: Session, settings: ServiceSettings, now: datetime) -> None:
    """Have the upkeep done at three in the morning (UTC); the same day twice is one work.

    Says, at the start of a worker and once a day, when no key signs the log.
    """
    if _ours(settings).ledger_seal_key_file is None:
        get_logger().warning("ledger.checkpoints_not_signed", reason="no key is configured")
    due_at = _EPOCH + ((now - _EPOCH) // _DAY + 1) * _DAY
    outbox.enqueue(session, _TOPIC, {}, key=due_at.isoformat(), due_at=due_at)


@handler(_TOPIC, lease_seconds=600)
def keep_ledger(job: Job) -> None:
    """Plan the next day, then free, open, fold and prove."""
    settings = _ours(job.settings)
    with job.database.transaction() as session:
        plan_upkeep(session, settings, job.now())
        bodies = list(session.execute(_BODIES).scalars())
    expire_reservations(job.database, settings.ledger_reservation_days, job.now)
    fold_all(job.database)
    for body in bodies:
        with job.database.transaction() as session:
            open_months_ahead(session, body, job.now())
        prove_body(job.database, body)


def expire_reservations(database: Database, days: int, now: Callable[[], datetime]) -> int:
    """Free reservations that nothing used for so many days of the database's clock.

    Each becomes work for a person and a line of the audit: the bank never debited what a run
    reserved, or we never saw it. Returns how many.
    """
    with database.transaction() as session:
        expired = session.execute(_EXPIRED, {"days": days}).all()
    freed = 0
    for row in expired:
        with database.transaction() as session:
            if not expire_reservation(session, row.body, row.id, row.event_id, london_date(now())):
                continue
            freed += 1
            reason = f"Reserved for {row.effective_on.isoformat()} and not used in {days} days"
            item = NewItem(
                row.body,
                f"reservation.expired/{row.id}",
                "outcome_unknown",
                "find_out",
                "reservation_expired",
                reason,
                amount_pence=row.pence,
            )
            open_items(session, [item], now())
            audit.record(
                session,
                SYSTEM,
                "ledger.reservation.expired",
                "run",
                row.event_id.partition("/")[0],
                {"body": row.body, "pence": row.pence, "days": days},
            )
        get_logger().warning("ledger.reservation_expired", body=row.body, run=row.event_id)
    return freed


def open_months_ahead(session: Session, body: str, now: datetime) -> None:
    """Open this month and the next, so that no posting waits for another that opens its month."""
    this = month_of(london_date(now))
    open_periods(session, body, [this, month_of(this[1])])


def fold_all(database: Database) -> None:
    """Fold what is sealed into balances by day, a few blocks to a transaction."""
    more = True
    while more:
        with database.transaction() as session:
            more = fold_balances(session) > 0


def prove_body(database: Database, body: str) -> list[str]:
    """Return what contradicts the ledger's invariants, each logged as an error."""
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        faults = list_faults(session, body)
    for fault in faults:
        get_logger().error("ledger.fault", body=body, fault=fault)
    return faults


def _ours(settings: ServiceSettings) -> PaymentsSettings:
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("the ledger is a matter of the payments service")
    return settings
