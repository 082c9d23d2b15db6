from threading import Barrier, Thread
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import outbox
from shared.correlation import correlation_id, set_correlation_id
from shared.db import Database
from shared.outbox import Job
from shared.relay import Relay
from shared.settings import ServiceSettings

SETTINGS = cast("ServiceSettings", SimpleNamespace())


def _rows(database: Database) -> list[tuple[object, ...]]:
    with database.transaction() as session:
        return [
            tuple(row)
            for row in session.execute(
                text("SELECT topic, attempt, done_at IS NOT NULL, last_error FROM outbox")
            )
        ]


def _put(database: Database, key: str | None = None) -> int | None:
    with database.transaction() as session:
        return outbox.enqueue(session, "gateway.test.work", {"thing": "1"}, key=key)


def test_work_vanishes_with_the_transaction_that_wrote_it(gateway_database: Database) -> None:
    def write_and_fail() -> None:
        with gateway_database.transaction() as session:
            outbox.enqueue(session, "gateway.test.work", {"thing": "1"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert _rows(gateway_database) == []


def test_same_key_is_one_work(gateway_session: Session) -> None:
    first = outbox.enqueue(gateway_session, "gateway.test.work", {}, key="a")
    assert first is not None
    assert outbox.enqueue(gateway_session, "gateway.test.work", {}, key="a") is None


@pytest.mark.committed
def test_done_once_under_sixteen_messages(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None
    ran: list[int] = []
    barrier = Barrier(16)

    def run() -> None:
        barrier.wait()
        outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")

    with outbox.only_handlers(gateway__test__work=lambda job: ran.append(job.id)):
        threads = [Thread(target=run) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ran == [job_id]
    assert _rows(gateway_database) == [("gateway.test.work", 1, True, None)]


def test_failure_is_kept_and_tried_again(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None
    attempts: list[int] = []

    def fail_once(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt == 1:
            raise ConnectionError("away")

    with outbox.only_handlers(gateway__test__work=fail_once):
        assert outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
        assert _rows(gateway_database)[0][3] == "ConnectionError: away"
        assert not outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work"), "too early"
        with gateway_database.transaction() as session:
            session.execute(text("UPDATE outbox SET due_at = now()"))
        assert outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    assert attempts == [1, 2]
    assert _rows(gateway_database) == [("gateway.test.work", 2, True, None)]


def test_a_paused_worker_cannot_finish_after_its_lease(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None

    def lose_lease(job: Job) -> None:
        with gateway_database.transaction() as session:
            session.execute(text("UPDATE outbox SET attempt = attempt + 1"))
        with job.database.transaction() as session:
            session.execute(
                text("INSERT INTO idempotency_key VALUES ('s', 'k', '', 200, 'null', now(), now())")
            )
            job.finish(session)

    with outbox.only_handlers(gateway__test__work=lose_lease):
        outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    with gateway_database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM idempotency_key")).scalar_one() == 0
    assert _rows(gateway_database)[0][2] is False


def test_work_keeps_the_story(gateway_database: Database) -> None:
    seen: list[str] = []
    set_correlation_id("story-1")
    job_id = _put(gateway_database)
    assert job_id is not None
    set_correlation_id("other")
    with outbox.only_handlers(gateway__test__work=lambda _job: seen.append(correlation_id())):
        outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    assert seen == ["story-1"]


def test_relay_sends_again_what_was_lost(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    sent: list[tuple[str, int]] = []
    relay = Relay(gateway_database, lambda topic, number: sent.append((topic, number)))
    assert relay.send_waiting() == 1
    assert relay.send_waiting() == 0
    with gateway_database.transaction() as session:
        session.execute(text("UPDATE outbox SET published_at = now() - interval '1 minute'"))
    assert relay.send_waiting() == 1
    assert sent == [("gateway.test.work", job_id)] * 2


def test_relay_gives_back_what_the_broker_did_not_take(gateway_database: Database) -> None:
    _put(gateway_database)

    def refuse(_topic: str, _number: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Relay(gateway_database, refuse).send_waiting()
    sent: list[int] = []
    Relay(gateway_database, lambda _topic, number: sent.append(number)).send_waiting()
    assert len(sent) == 1
