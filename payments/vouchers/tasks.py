"""What happens to vouchers by the clock: they expire, and merchants are paid."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payments.bank.tasks import vault_of
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.settings import PaymentsSettings
from payments.vouchers.actions.change import AT_ONCE, expire_due
from payments.vouchers.actions.settle import list_unpaid, settle_merchant, undo_taken_back
from shared import outbox
from shared.errors import Problem
from shared.logs import get_logger
from shared.outbox import Job, handler

_TOPIC = "payments.vouchers.look_after"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PERIOD = timedelta(hours=1)


def plan(session: Session, now: datetime) -> None:
    """Have vouchers looked after at the next full hour; the same hour twice is one work."""
    due_at = _EPOCH + ((now - _EPOCH) // _PERIOD + 1) * _PERIOD
    outbox.enqueue(
        session, "payments.vouchers.look_after", {}, key=due_at.isoformat(), due_at=due_at
    )


@handler(_TOPIC, lease_seconds=300)
def look_after(job: Job) -> None:
    """Plan the next time, end what is due, and order what merchants are owed."""
    with job.database.transaction() as session:
        plan(session, job.now())
    more = True
    while more:
        with job.database.transaction() as session:
            more = expire_due(session, job.now()) == AT_ONCE
    with job.database.transaction() as session:
        undo_taken_back(session, job.now())
    _settle(job)


def _settle(job: Job) -> None:
    if not isinstance(job.settings, PaymentsSettings):
        raise TypeError("vouchers are a matter of the payments service")
    tables = TableFiles(job.settings.modulus_weights_file, job.settings.modulus_substitutions_file)
    desk = Desk(vault_of(job.settings), tables)
    with job.database.transaction() as session:
        unpaid = list_unpaid(session)
    for merchant_id, _, _ in unpaid:
        try:
            with job.database.transaction() as session:
                settle_merchant(session, desk, merchant_id, job.now())
        except Problem as problem:
            # One merchant's trouble keeps nobody else from being paid; the next hour tries again.
            get_logger().warning(
                "vouchers.not_settled", merchant=str(merchant_id), code=problem.code
            )
