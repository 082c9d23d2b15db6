from threading import Barrier, Thread
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.local.postgres import free_port
from shared import outbox
from shared.celery import Running
from shared.correlation import correlation_id, set_correlation_id
from shared.db import Database
from shared.dead_work import list_dead, revive
from shared.errors import NotFound
from shared.outbox import Job
from shared.relay import Relay
from shared.settings import ServiceSettings
from shared.worker_health import WorkerHealth

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


def test_a_backlog_waits_in_the_table_and_is_not_sent_again_and_again(
    gateway_database: Database,
) -> None:
    for _ in range(3):
        _put(gateway_database)
    sent: list[int] = []
    relay = Relay(gateway_database, lambda _topic, number: sent.append(number), batch=2)
    assert relay.send_waiting() == 2
    assert relay.send_waiting() == 0, "two are on their way, and no more than two may be"
    with outbox.only_handlers(gateway__test__work=lambda _job: None):
        outbox.run(gateway_database, SETTINGS, sent[0], "gateway.test.work")
    assert relay.send_waiting() == 1
    assert len(set(sent)) == 3


def test_work_that_this_worker_does_not_know_is_left_for_another(
    gateway_database: Database,
) -> None:
    job_id = _put(gateway_database)
    with gateway_database.transaction() as session:
        outbox.enqueue(session, "gateway.test.newer", {})
        session.execute(
            text("UPDATE outbox SET published_count = 100 WHERE topic = 'gateway.test.newer'")
        )
    sent: list[int] = []
    relay = Relay(
        gateway_database, lambda _topic, number: sent.append(number), topics=["gateway.test.work"]
    )
    relay.send_waiting()
    assert sent == [job_id]


def test_work_that_kills_its_worker_is_dead_at_last(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None
    with gateway_database.transaction() as session:
        session.execute(text("UPDATE outbox SET attempt = :n"), {"n": outbox.MAXIMUM_ATTEMPTS})
    ran: list[int] = []
    with outbox.only_handlers(gateway__test__work=lambda job: ran.append(job.id)):
        assert outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    with gateway_database.transaction() as session:
        dead = session.execute(text("SELECT dead_at IS NOT NULL FROM outbox")).scalar_one()
    assert dead
    assert ran == []


def test_an_error_does_not_repeat_the_values_of_its_statement(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None

    def break_a_statement(job: Job) -> None:
        with job.database.transaction() as session:
            session.execute(text("SELECT nothing WHERE :name = ''"), {"name": "Isla Fictional"})

    with outbox.only_handlers(gateway__test__work=break_a_statement):
        outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    error = str(_rows(gateway_database)[0][3])
    assert "UndefinedColumn" in error
    assert "Isla" not in error


@pytest.mark.parametrize(("is_busy", "ends"), [(True, []), (False, [70])])
def test_a_worker_that_takes_nothing_ends_itself_unless_it_is_busy(
    gateway_database: Database, monkeypatch: pytest.MonkeyPatch, *, is_busy: bool, ends: list[int]
) -> None:
    _put(gateway_database)
    with gateway_database.transaction() as session:
        session.execute(text("UPDATE outbox SET published_count = 4"))
    ended: list[int] = []
    monkeypatch.setattr("shared.relay.os._exit", ended.append)
    Relay(gateway_database, lambda *_: None, is_busy=lambda: is_busy).send_waiting()
    assert ended == ends


def test_a_worker_is_not_deaf_between_two_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("shared.celery.time.monotonic", lambda: now[0])
    running = Running()
    assert running.any(), "it has only just begun"
    now[0] += 61
    assert not running.any()
    with running.one():
        assert running.any()
    assert running.any()
    now[0] += 61
    assert not running.any()


def test_work_that_failed_for_good_is_listed_and_tried_again(gateway_database: Database) -> None:
    job_id = _put(gateway_database)
    assert job_id is not None
    assert list_dead(gateway_database) == ["nothing is dead"]

    def fail(_job: Job) -> None:
        raise ConnectionError("away")

    with gateway_database.transaction() as session:
        session.execute(text("UPDATE outbox SET attempt = 19"))
    with outbox.only_handlers(gateway__test__work=fail):
        outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")
    (line,) = list_dead(gateway_database)
    assert f"{job_id} gateway.test.work 20 tries" in line
    with pytest.raises(NotFound):
        revive(gateway_database, [job_id, job_id + 1])
    assert list_dead(gateway_database) == [line]
    assert revive(gateway_database, [job_id]) == 1
    with outbox.only_handlers(gateway__test__work=lambda _job: None):
        assert outbox.run(gateway_database, SETTINGS, job_id, "gateway.test.work")


def test_a_worker_tells_how_it_is(gateway_database: Database) -> None:
    _put(gateway_database)
    relay = Relay(gateway_database, lambda _topic, _number: None)
    settings = cast("ServiceSettings", SimpleNamespace(host="127.0.0.1", worker_port=free_port()))
    health = WorkerHealth("gateway", settings, gateway_database, relay)
    health.start()
    base = f"http://127.0.0.1:{settings.worker_port}"
    try:
        assert httpx.get(f"{base}/health/live").status_code == 200
        assert httpx.get(f"{base}/health/ready").json() == {"relay": "ok", "database": "ok"}
        assert 'clachan_outbox_waiting{service="gateway"} 1.0' in httpx.get(f"{base}/metrics").text
        assert httpx.get(f"{base}/elsewhere").status_code == 404
        relay._last_round -= 61
        assert httpx.get(f"{base}/health/live").status_code == 503
        assert httpx.get(f"{base}/health/ready").json()["relay"] == "stuck"
    finally:
        health.stop()
