"""Asks the bank for what is new, again and again, without anybody's doing."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payments.bank.provider import Bank, BankUnavailableError
from payments.bank.tasks import (
    bank_of,
    fetch_reports,
    names_of,
    reports_bank_of,
    statements_bank_of,
    vault_of,
)
from payments.reconciliation.importing.fetching import fetch_statements
from payments.settings import PaymentsSettings
from shared import outbox
from shared.logs import get_logger
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

_TOPIC = "payments.reconciliation.poll"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def plan_poll(session: Session, settings: ServiceSettings, now: datetime) -> None:
    """Have the bank asked at the next full period; the same period twice is one work.

    Periods are counted from a fixed instant, so that workers that start at any time, and any
    number of them, agree on when they begin.
    """
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("the bank is a matter of the payments service")
    period = timedelta(minutes=settings.bank_poll_minutes)
    due_at = _EPOCH + ((now - _EPOCH) // period + 1) * period
    outbox.enqueue(session, _TOPIC, {}, key=due_at.isoformat(), due_at=due_at)


@handler(_TOPIC, lease_seconds=300)
def poll(job: Job) -> None:
    """Plan the next time, then fetch reports and statements."""
    with job.database.transaction() as session:
        plan_poll(session, job.settings, job.now())
    settings = job.settings
    ask_bank(job, bank_of(settings), reports_bank_of(settings), statements_bank_of(settings))


def ask_bank(
    job: Job, bank: Bank, reports_bank: Bank | None = None, statements_bank: Bank | None = None
) -> None:
    """Take in all that is new; a bank that is away is asked the next time, not sooner.

    Reports and statements may each come through another channel.
    """
    vault = vault_of(job.settings)
    try:
        names = names_of(job.settings)
        fetch_reports(job.database, reports_bank or bank, vault, job.now, names)
        fetch_statements(job.database, statements_bank or bank, vault, job.now)
    except BankUnavailableError as error:
        get_logger().warning("reconciliation.bank_away", reason=str(error))
