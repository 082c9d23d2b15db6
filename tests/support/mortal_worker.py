"""A worker of payments without a broker: does what is due in the outbox until it is killed."""

import multiprocessing
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess

from sqlalchemy import text

from payments.settings import PaymentsSettings
from payments.worker import TASKS
from shared import outbox
from shared.db import Database, make_engine

# Their import is what makes the topics known.
KNOWN = TASKS
_DUE = text(
    "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
    " AND due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())"
    " ORDER BY id LIMIT 1"
)
_HURRY = text(
    "UPDATE outbox SET lease_until = NULL, due_at = least(due_at, now()) WHERE done_at IS NULL"
)
# A server of its own that has imported everything: a new worker is there at once.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def work(values: Mapping[str, object]) -> None:
    """Do what is due, one piece after another, for ever."""
    settings = PaymentsSettings(**values)  # type: ignore[arg-type]  # members by name
    database = Database(make_engine(settings.database_url))
    while True:
        with database.transaction() as session:
            row = session.execute(_DUE).one_or_none()
        if row is None:
            time.sleep(0.02)
        else:
            outbox.run(database, settings, row.id, row.topic)


@dataclass
class MortalWorkers:
    """Two workers that are killed again and again, at moments that a seed decides."""

    database: Database
    settings: PaymentsSettings
    seed: int
    kills: int = 0
    _running: list[BaseProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def until(self, is_done: Callable[[], bool], timeout_seconds: float = 90) -> None:
        """Let them work and die until something is true; then all of them are dead."""
        end = time.monotonic() + timeout_seconds
        try:
            while not is_done():
                assert time.monotonic() < end, "the work does not come to its end"
                while len(self._running) < len("ab"):
                    self._start()
                # Ever rarer: what takes a worker a second on a busy machine must end some time.
                time.sleep(self._chance.uniform(0.01, 0.3) * (1 + self.kills / 10))
                self._kill(self._chance.randrange(len(self._running)))
        finally:
            while self._running:
                self._kill(0)

    def _start(self) -> None:
        one = _PROCESSES.Process(target=work, args=(self.settings.model_dump(),), daemon=True)
        one.start()
        self._running.append(one)

    def _kill(self, place: int) -> None:
        one = self._running.pop(place)
        one.kill()
        one.join()
        self.kills += 1
        # What it held waits for the end of its lease; a test does not.
        with self.database.transaction() as session:
            session.execute(_HURRY)
