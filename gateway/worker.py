"""The worker process of the gateway: performs the steps of journeys, keeps the edge's keys."""

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

from gateway.edge.keys import KeyKeeper
from gateway.journeys import tasks as journeys_tasks
from gateway.settings import get_settings
from shared import logs
from shared.celery import make_celery, run_worker
from shared.db import Database, make_engine

TASKS = (journeys_tasks,)


def create_worker() -> Celery:
    """Return the Celery application with the relay and the keeper of keys attached."""
    settings = get_settings()
    logs.configure("gateway", settings)
    engine = make_engine(
        settings.database_url, pool_size=settings.database_pool_size, service="gateway-worker"
    )
    keeper = KeyKeeper(settings)
    worker_ready.connect(lambda **_: keeper.start(), weak=False)
    worker_shutting_down.connect(lambda **_: keeper.stop(), weak=False)
    return make_celery("gateway", settings, Database(engine))


def run() -> None:
    """Work until told to stop."""
    run_worker(create_worker(), get_settings())
