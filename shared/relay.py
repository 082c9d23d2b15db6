"""Sends waiting outbox rows to Celery, and sends again what was lost on the way."""

import os
import threading
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.db import Database
from shared.logs import get_logger

_BATCH = 500
_POLL_SECONDS = 1.0
_UNCLAIMED_LIMIT = 5
_FORGET_BATCH = 5_000
# The rows are chosen once, in a step of its own: as a subquery the planner may run it again for
# each row it joins, and each run skips what the one before has locked and takes others.
_TAKE = text(
    """
    WITH chosen AS MATERIALIZED (
       SELECT id FROM outbox
        WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= clock_timestamp()
          AND (lease_until IS NULL OR lease_until < clock_timestamp())
          AND (published_at IS NULL
               OR published_at < clock_timestamp() - make_interval(secs => :resend_seconds))
          AND (cast(:topics AS text[]) IS NULL OR topic = ANY(:topics))
        ORDER BY due_at, id FOR UPDATE SKIP LOCKED
        -- What is on its way and not taken counts too, so that a backlog waits here and is not
        -- sent again and again while the worker gets through it.
        LIMIT greatest(0, :batch - (
          SELECT count(*) FROM outbox
           WHERE done_at IS NULL AND dead_at IS NULL AND lease_until IS NULL
             AND published_at >= clock_timestamp() - make_interval(secs => :resend_seconds))))
    UPDATE outbox SET published_at = clock_timestamp(), published_count = published_count + 1
      FROM chosen WHERE outbox.id = chosen.id
    RETURNING outbox.id, topic, published_count
    """
)
_GIVE_BACK = text(
    "UPDATE outbox SET published_at = NULL, published_count = published_count - 1"
    " WHERE id = ANY(:ids) AND lease_until IS NULL AND published_count > 0"
)
_FORGET = text(
    """
    WITH a AS (DELETE FROM outbox WHERE id IN (
           SELECT id FROM outbox WHERE done_at < now() - interval '30 days' LIMIT :batch)),
         b AS (DELETE FROM idempotency_key WHERE (scope, key) IN (
           SELECT scope, key FROM idempotency_key WHERE expires_at < now() LIMIT :batch)),
         c AS (DELETE FROM web_session WHERE id_hash IN (
           SELECT id_hash FROM web_session WHERE expires_at < now() LIMIT :batch)),
         d AS (DELETE FROM used_logout_token WHERE jti_hash IN (
           SELECT jti_hash FROM used_logout_token WHERE expires_at < now() LIMIT :batch))
    DELETE FROM login_attempt WHERE state_hash IN (
      SELECT state_hash FROM login_attempt WHERE expires_at < now() LIMIT :batch)
    """
)
_UNKNOWN = text(
    "SELECT topic, count(*) FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
    " AND NOT topic = ANY(:topics) GROUP BY topic"
)

Publish = Callable[[str, int], None]


class Relay:
    """A thread of the worker: listens for new rows, polls each second, resends the lost ones.

    Rows are marked before they are published, so no lock is held during a network call; what a
    crash loses between the two is sent again after ``resend_seconds``. A worker that no longer
    takes what it is sent (a broken broker connection) ends itself to be started anew. Rows of
    topics that this worker does not know wait for one that does.
    """

    def __init__(
        self,
        database: Database,
        publish: Publish,
        *,
        is_busy: Callable[[], bool] = lambda: False,
        resend_seconds: int = 20,
        batch: int = _BATCH,
        topics: Sequence[str] | None = None,
    ) -> None:
        self._database = database
        self._publish = publish
        self._is_busy = is_busy
        self._resend_seconds = resend_seconds
        self._batch = batch
        self._topics = None if topics is None else list(topics)
        self._last_round = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="outbox-relay", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it, five seconds at most."""
        self._stop.set()
        self._thread.join(5)

    @property
    def idle_seconds(self) -> float:
        """How long ago the loop last came round, whether or not anything could be sent."""
        return time.monotonic() - self._last_round

    def send_waiting(self) -> int:
        """Publish one batch of due rows; returns how many went out."""
        with self._database.transaction() as session:
            rows = session.execute(
                _TAKE,
                {
                    "batch": self._batch,
                    "resend_seconds": self._resend_seconds,
                    "topics": self._topics,
                },
            ).all()
        sent = 0
        try:
            for row in rows:
                self._publish(row.topic, row.id)
                sent += 1
        finally:
            if sent < len(rows):
                with self._database.transaction() as session:
                    session.execute(_GIVE_BACK, {"ids": [row.id for row in rows[sent:]]})
        if any(row.published_count >= _UNCLAIMED_LIMIT for row in rows) and not self._is_busy():
            get_logger().error("relay.worker_deaf", hint="the worker is started anew")
            os._exit(70)
        return sent

    def _clean_up(self) -> None:
        """Delete a batch of what is over, and tell of work that nobody here can do."""
        with self._database.transaction() as session:
            session.execute(_FORGET, {"batch": _FORGET_BATCH})
            unknown = (
                session.execute(_UNKNOWN, {"topics": self._topics}).all() if self._topics else []
            )
        for topic, count in unknown:
            get_logger().error("relay.topic_unknown", topic=topic, waiting=count)

    def _loop(self) -> None:
        log = get_logger()
        url = self._database.engine.url.set(drivername="postgresql")
        rounds = 0
        while not self._stop.is_set():
            self._last_round = time.monotonic()
            try:
                with psycopg.connect(
                    url.render_as_string(hide_password=False), autocommit=True
                ) as listener:
                    schema = listener.execute("SELECT current_schema()").fetchone()
                    channel = Identifier(f"outbox_{schema[0] if schema else ''}")
                    listener.execute(SQL("LISTEN {}").format(channel))
                    while not self._stop.is_set():
                        self._last_round = time.monotonic()
                        self.send_waiting()
                        rounds += 1
                        if rounds % 600 == 1:
                            self._clean_up()
                        for _ in listener.notifies(timeout=_POLL_SECONDS, stop_after=1):
                            pass
            except (psycopg.OperationalError, OperationalError, OSError) as error:
                log.warning("relay.waiting", reason=type(error).__name__)
                self._stop.wait(_POLL_SECONDS)
            except Exception as error:  # noqa: BLE001 - the relay outlives a broker that is away
                log.warning("relay.publish_failed", reason=type(error).__name__)
                self._stop.wait(_POLL_SECONDS)
