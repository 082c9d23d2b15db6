"""The worker process of payments: every task is known once its module is imported."""

from celery import Celery

from payments.bank import tasks as bank_tasks
from payments.reconciliation import tasks as reconciliation_tasks
from payments.runs import tasks as runs_tasks
from payments.settings import get_settings
from shared import logs
from shared.celery import make_celery, run_worker
from shared.db import Database, make_engine

TASKS = (bank_tasks, reconciliation_tasks, runs_tasks)


def create_worker() -> Celery:
    """Return the Celery application with the relay attached."""
    settings = get_settings()
    logs.configure("payments", settings)
    engine = make_engine(
        settings.database_url, pool_size=settings.database_pool_size, service="payments-worker"
    )
    return make_celery("payments", settings, Database(engine))


def run() -> None:
    """Work until told to stop."""
    run_worker(create_worker(), get_settings())
