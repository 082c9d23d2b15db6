"""Single statements in autocommit: at once visible, and over a connection that lives."""

import threading

import psycopg
import pytest
from sqlalchemy import text

from shared.db import Database

_COUNT = text("SELECT count(*) AS n FROM cache_version WHERE name = :name")
_BUMP = text("INSERT INTO cache_version (name, version) VALUES (:name, 1) RETURNING version")
_END = text("SELECT pg_terminate_backend(:pid)")
_PID = text("SELECT pg_backend_pid() AS pid")


def test_a_statement_is_committed_when_it_returns(identity_database: Database) -> None:
    quick = identity_database.quick
    assert quick.execute(_BUMP, {"name": "a"}).mappings().one() == {"version": 1}
    with identity_database.transaction() as session:
        assert session.execute(_COUNT, {"name": "a"}).scalar_one() == 1


def test_a_refused_statement_leaves_nothing_and_the_connection_usable(
    identity_database: Database,
) -> None:
    quick = identity_database.quick
    quick.execute(_BUMP, {"name": "a"})
    pid = quick.execute(_PID, {}).scalar_one()
    with pytest.raises(psycopg.errors.UniqueViolation):
        quick.execute(_BUMP, {"name": "a"})
    assert quick.execute(_PID, {}).scalar_one() == pid
    assert quick.execute(_COUNT, {"name": "b"}).one_or_none() == {"n": 0}


def test_a_broken_connection_is_reported_once_and_replaced(identity_database: Database) -> None:
    quick = identity_database.quick
    pid = quick.execute(_PID, {}).scalar_one()
    with identity_database.transaction() as session:
        session.execute(_END, {"pid": pid})
    with pytest.raises(psycopg.OperationalError):
        quick.execute(_PID, {})
    assert quick.execute(_PID, {}).scalar_one() != pid


def test_a_connection_that_lay_idle_is_asked_first(
    identity_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = identity_database.quick
    pid = quick.execute(_PID, {}).scalar_one()
    with identity_database.transaction() as session:
        session.execute(_END, {"pid": pid})
    monkeypatch.setattr("shared.quick._PING_AFTER_SECONDS", 0.0)
    assert quick.execute(_PID, {}).scalar_one() != pid


def test_many_threads_share_a_few_connections(identity_database: Database) -> None:
    quick, pids = identity_database.quick, set[int]()

    def ask() -> None:
        for _ in range(5):
            pids.add(quick.execute(_PID, {}).scalar_one())

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(pids) <= 10
