"""The worker process of notifications; importing the tasks is what registers them."""

from celery import Celery

from notifications.mailbox import tasks as mailbox_tasks
from notifications.messages import tasks as messages_tasks
from notifications.settings import NotificationsSettings, get_settings
from shared import logs
from shared.celery import make_celery, run_worker
from shared.db import Database, make_engine

TASKS = (messages_tasks, mailbox_tasks)


def create_worker(settings: NotificationsSettings) -> Celery:
    """Return the Celery application with every task of this service."""
    engine = make_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        service="notifications-worker",
    )
    return make_celery("notifications", settings, Database(engine))


def run() -> None:
    """Work until told to stop."""
    settings = get_settings()
    logs.configure("notifications-worker", settings)
    run_worker(create_worker(settings), settings)
