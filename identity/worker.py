"""The worker process of identity: every task is known once its module is imported."""

from celery import Celery

from identity.accounts import tasks as accounts_tasks
from identity.client_console import tasks as client_console_tasks
from identity.closure import tasks as closure_tasks
from identity.codes import tasks as codes_tasks
from identity.keys import tasks as keys_tasks
from identity.oidc import ciba_tasks
from identity.oidc import tasks as oidc_tasks
from identity.recovery import tasks as recovery_tasks
from identity.registration import tasks as registration_tasks
from identity.settings import get_settings
from identity.signin import tasks as signin_tasks
from identity.staff import tasks as staff_tasks
from identity.verification import tasks as verification_tasks
from shared import clock, logs
from shared.celery import make_celery, run_worker
from shared.db import Database, make_engine

TASKS = (
    accounts_tasks,
    ciba_tasks,
    keys_tasks,
    oidc_tasks,
    registration_tasks,
    closure_tasks,
    codes_tasks,
    recovery_tasks,
    signin_tasks,
    client_console_tasks,
    staff_tasks,
    verification_tasks,
)


def create_worker() -> Celery:
    """Return the Celery application with the relay attached."""
    settings = get_settings()
    logs.configure("identity", settings)
    engine = make_engine(
        settings.database_url, pool_size=settings.database_pool_size, service="identity-worker"
    )
    database = Database(engine)
    with database.transaction() as session:
        oidc_tasks.plan_forgetting(session, clock.now())
        keys_tasks.plan_tending(session, clock.now())
    return make_celery("identity", settings, database)


def run() -> None:
    """Work until told to stop."""
    run_worker(create_worker(), get_settings())
