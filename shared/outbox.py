"""Work that follows a commit: written with the deed, done at least once, recorded once.

A row of ``outbox`` is the truth about a piece of work; the Celery message that carries its id is
only a hint. A handler runs under a lease whose fencing token is ``attempt``: a process that was
paused beyond its lease can no longer mark the row done.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from opentelemetry import propagate
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import clock
from shared.correlation import correlation_id, set_correlation_id
from shared.db import Database
from shared.logs import get_logger
from shared.settings import ServiceSettings
from shared.tracing import in_span

MAXIMUM_ATTEMPTS = 20
_LONGEST_PAUSE_SECONDS = 300
Payload = Mapping[str, str | int]

_ENQUEUE = text(
    """
    WITH fresh AS (
      INSERT INTO outbox (topic, key, payload, correlation_id, traceparent, due_at)
      VALUES (:topic, :key, cast(:payload AS jsonb), :correlation_id, :traceparent,
              coalesce(:due_at, now()))
      ON CONFLICT (topic, key) WHERE key IS NOT NULL DO NOTHING
      RETURNING id
    ), told AS (SELECT pg_notify('outbox_' || current_schema(), '') FROM fresh)
    SELECT (SELECT id FROM fresh), (SELECT count(*) FROM told)
    """
)
_ENQUEUE_MANY = text(
    """
    WITH fresh AS (
      INSERT INTO outbox (topic, payload, correlation_id, traceparent, due_at)
      SELECT :topic, u.payload::jsonb, u.correlation_id, :traceparent, now()
        FROM unnest(cast(:payloads AS text[]), cast(:correlations AS text[]))
             WITH ORDINALITY AS u(payload, correlation_id, number)
       ORDER BY u.number
      RETURNING id
    )
    SELECT count(*), pg_notify('outbox_' || current_schema(), '') FROM fresh
    """
)
_CLAIM = text(
    """
    UPDATE outbox SET attempt = attempt + 1, published_count = 0,
                      lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
     WHERE id = :id AND done_at IS NULL AND dead_at IS NULL AND due_at <= clock_timestamp()
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING topic, payload, attempt, correlation_id, traceparent
    """
)
_FINISH = text(
    "UPDATE outbox SET done_at = clock_timestamp(), lease_until = NULL, last_error = NULL"
    " WHERE id = :id AND attempt = :attempt AND done_at IS NULL"
)
_FAIL = text(
    """
    UPDATE outbox SET lease_until = NULL, published_at = NULL, last_error = :error,
                      due_at = clock_timestamp() + make_interval(secs => :pause_seconds),
                      dead_at = CASE WHEN :dead THEN clock_timestamp() END
     WHERE id = :id AND attempt = :attempt AND done_at IS NULL
    """
)


class LeaseLostError(Exception):
    """Another worker has taken this work over; nothing of this run may be kept."""


class WorkerLostError(Exception):
    """The worker died at this work each time it was tried."""


@dataclass
class Job:
    """One run of one outbox row, as its handler sees it."""

    id: int
    topic: str
    payload: dict[str, str | int]
    attempt: int
    database: Database
    settings: ServiceSettings
    finished: bool = field(default=False, init=False)

    def text(self, name: str) -> str:
        """Return a member of the payload as text."""
        return str(self.payload[name])

    def now(self) -> datetime:
        """Return this instant."""
        return clock.now()

    def finish(self, session: Session) -> None:
        """Mark the work done in the caller's transaction; refuses when the lease was lost.

        Raises:
            LeaseLostError: somebody else runs this work now; the caller's transaction rolls back.
        """
        marked = session.execute(_FINISH, {"id": self.id, "attempt": self.attempt})
        if marked.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
            raise LeaseLostError(self.topic)
        self.finished = True


Handler = Callable[[Job], None]


@dataclass(frozen=True)
class _Registered:
    handle: Handler
    lease_seconds: int


_HANDLERS: dict[str, _Registered] = {}


def handler(topic: str, *, lease_seconds: int = 30) -> Callable[[Handler], Handler]:
    """Register the function that does the work of a topic; refuses a second one."""

    def register(function: Handler) -> Handler:
        if topic in _HANDLERS and _HANDLERS[topic].handle is not function:
            raise ValueError(f"{topic} has a handler already")
        _HANDLERS[topic] = _Registered(function, lease_seconds)
        return function

    return register


def topics() -> list[str]:
    """Return the topics this process can work on."""
    return sorted(_HANDLERS)


def enqueue(
    session: Session,
    topic: str,
    payload: Payload,
    *,
    key: str | None = None,
    due_at: datetime | None = None,
) -> int | None:
    """Write work down in the caller's transaction; the same topic and key twice is one work.

    The payload carries ids, never amounts, contents or personal data. Returns the row's id, or
    None when this topic and key are there already.
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    row = session.execute(
        _ENQUEUE,
        {
            "topic": topic,
            "key": key,
            "payload": json.dumps(payload),
            "correlation_id": correlation_id(),
            "traceparent": carrier.get("traceparent"),
            "due_at": due_at,
        },
    ).one()
    return row[0] if row[0] is None else int(row[0])


def enqueue_many(session: Session, topic: str, works: Sequence[tuple[Payload, str]]) -> None:
    """Write many works of one topic down with one statement, each with its own correlation id.

    They have no key: who writes them makes sure that it happens once.
    """
    if not works:
        return
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    session.execute(
        _ENQUEUE_MANY,
        {
            "topic": topic,
            "payloads": [json.dumps(payload) for payload, _ in works],
            "correlations": [correlation for _, correlation in works],
            "traceparent": carrier.get("traceparent"),
        },
    )


def run(database: Database, settings: ServiceSettings, job_id: int, topic: str) -> bool:
    """Claim a row and do its work; tells whether there was anything to do.

    A failure is kept with the row and tried again after a growing pause; after twenty failures the
    row is dead and waits for a person.
    """
    registered = _HANDLERS[topic]
    with database.transaction() as session:
        row = session.execute(
            _CLAIM, {"id": job_id, "lease_seconds": registered.lease_seconds}
        ).one_or_none()
    if row is None:
        return False
    job = Job(job_id, row.topic, dict(row.payload), row.attempt, database, settings)
    set_correlation_id(row.correlation_id)
    with in_span(f"work {topic}", row.traceparent, {"clachan.attempt": job.attempt}):
        _work(job, registered.handle)
    return True


def _work(job: Job, handle: Handler) -> None:
    log = get_logger()
    try:
        # More attempts than recorded failures: the work ends its worker, and would for ever.
        (_give_up if job.attempt > MAXIMUM_ATTEMPTS else handle)(job)
        if not job.finished:
            with job.database.transaction() as session:
                job.finish(session)
    except LeaseLostError:
        log.warning("work.lease_lost", topic=job.topic, job_id=job.id, attempt=job.attempt)
    except Exception as error:
        dead = job.attempt >= MAXIMUM_ATTEMPTS
        log.exception(
            "work.dead" if dead else "work.failed",
            topic=job.topic,
            job_id=job.id,
            attempt=job.attempt,
        )
        pause = min(2 ** (job.attempt - 1), _LONGEST_PAUSE_SECONDS)
        with job.database.transaction() as session:
            session.execute(
                _FAIL,
                {
                    "id": job.id,
                    "attempt": job.attempt,
                    "error": f"{type(error).__name__}: {error}"[:500],
                    "pause_seconds": pause * random.uniform(0.8, 1.2),  # noqa: S311 - jitter
                    "dead": dead,
                },
            )
    else:
        log.info("work.done", topic=job.topic, job_id=job.id, attempt=job.attempt)


def _give_up(job: Job) -> None:
    raise WorkerLostError(job.topic)


@contextmanager
def only_handlers(**handlers: Handler) -> Iterator[None]:
    """Replace the registry for a test; topics are written with double underscores for dots."""
    kept = dict(_HANDLERS)
    _HANDLERS.clear()
    _HANDLERS.update(
        {name.replace("__", "."): _Registered(handle, 30) for name, handle in handlers.items()}
    )
    try:
        yield
    finally:
        _HANDLERS.clear()
        _HANDLERS.update(kept)
