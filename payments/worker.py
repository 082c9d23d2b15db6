"""The worker process of payments: every task is known once its module is imported."""

from celery import Celery
from celery.signals import worker_ready

from payments.bank import tasks as bank_tasks
from payments.bills import tasks as bills_tasks
from payments.gl import tasks as gl_tasks
from payments.govstack import tasks as govstack_tasks
from payments.ledger import upkeep as ledger_upkeep
from payments.ledger.seal import tasks as seal_tasks
from payments.payees.bulk import tasks as name_batch_tasks
from payments.payees.master import tasks as payees_tasks
from payments.reconciliation import polling
from payments.reconciliation import tasks as reconciliation_tasks
from payments.reconciliation.awaited import tasks as awaited_tasks
from payments.reports import retention
from payments.reports.auditor import tasks as auditor_tasks
from payments.reports.remittance import tasks as remittance_tasks
from payments.runs import tasks as runs_tasks
from payments.runs.schedules import tasks as schedules_tasks
from payments.screening import tasks as screening_tasks
from payments.settings import get_settings
from payments.uploads import tasks as uploads_tasks
from payments.vouchers import tasks as vouchers_tasks
from payments.webhooks import tasks as webhooks_tasks
from shared import clock, logs
from shared.celery import make_celery, run_worker
from shared.db import Database, make_engine

TASKS = (
    auditor_tasks,
    awaited_tasks,
    bank_tasks,
    bills_tasks,
    gl_tasks,
    govstack_tasks,
    ledger_upkeep,
    name_batch_tasks,
    payees_tasks,
    polling,
    reconciliation_tasks,
    remittance_tasks,
    retention,
    runs_tasks,
    schedules_tasks,
    screening_tasks,
    seal_tasks,
    uploads_tasks,
    vouchers_tasks,
    webhooks_tasks,
)


def create_worker() -> Celery:
    """Return the Celery application with the relay attached."""
    settings = get_settings()
    logs.configure("payments", settings)
    engine = make_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        service="payments-worker",
        bulk=True,
    )
    database = Database(engine)
    app = make_celery("payments", settings, database)

    def begin(**_: object) -> None:
        with database.transaction() as session:
            polling.plan_poll(session, settings, clock.now())
            awaited_tasks.plan_ageing(session, clock.now())
            ledger_upkeep.plan_upkeep(session, settings, clock.now())
            seal_tasks.plan_sealing(session, settings, clock.now())
            vouchers_tasks.plan(session, clock.now())
            retention.plan(session, clock.now())
            schedules_tasks.plan(session, clock.now())
            bills_tasks.plan(session, clock.now())

    worker_ready.connect(begin, weak=False)
    return app


def run() -> None:
    """Work until told to stop."""
    run_worker(create_worker(), get_settings())
