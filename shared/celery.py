"""The Celery application of a service: a hint carrier between the relay and the handlers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

from shared import logs, outbox, tracing
from shared.db import Database
from shared.relay import Relay
from shared.settings import ServiceSettings
from shared.worker_health import WorkerHealth

_VISIBILITY_SECONDS = 600
_QUIET_SECONDS = 60.0


class Running:
    """Knows when this process last worked, so that the relay can tell busy from deaf.

    Between two tasks, and just after its start, a worker is not deaf either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last = time.monotonic()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one task while the block runs."""
        with self._lock:
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                self._last = time.monotonic()

    def any(self) -> bool:
        """Tell whether a task runs, or ran a moment ago."""
        return self._count > 0 or time.monotonic() - self._last < _QUIET_SECONDS


def make_celery(service: str, settings: ServiceSettings, database: Database) -> Celery:
    """Return the Celery application with one task per registered outbox topic.

    Messages carry the row's id only. Every topic's name starts with the service's name, which is
    also its queue.
    """
    app = Celery(service, broker=settings.broker_url)
    transport = {
        "visibility_timeout": _VISIBILITY_SECONDS,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    app.conf.update(
        task_default_queue=service,
        task_routes={f"{service}.*": {"queue": service}},
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=transport,
        visibility_timeout=_VISIBILITY_SECONDS,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    running = Running()
    for topic in outbox.topics():
        _add_task(app, topic, settings, database, running)
    _attach_relay(app, service, settings, database, running)
    return app


def _add_task(
    app: Celery, topic: str, settings: ServiceSettings, database: Database, running: Running
) -> None:
    def work(job_id: int) -> None:
        with running.one():
            outbox.run(database, settings, job_id, topic)

    app.task(name=topic)(work)


def _attach_relay(
    app: Celery, service: str, settings: ServiceSettings, database: Database, running: Running
) -> None:
    def publish(topic: str, job_id: int) -> None:
        app.send_task(topic, args=[job_id], queue=service, retry=False, ignore_result=True)

    relay = Relay(database, publish, is_busy=running.any, topics=outbox.topics())

    health = WorkerHealth(service, settings, database, relay)

    def begin(**_: object) -> None:
        logs.get_logger().info("worker.ready", topics=len(outbox.topics()))
        relay.start()
        health.start()

    def end(**_: object) -> None:
        health.stop()
        relay.stop()

    worker_ready.connect(begin, weak=False)
    worker_shutting_down.connect(end, weak=False)
    tracing.configure(f"{service}-worker", settings)


def run_worker(app: Celery, settings: ServiceSettings) -> None:
    """Work until told to stop; threads share the process, so one worker stays small."""
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={settings.worker_threads}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            f"--loglevel={settings.log_level}",
        ]
    )
