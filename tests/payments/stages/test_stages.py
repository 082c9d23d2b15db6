"""Stages: every row in one shard, every shard counted once, the finish asked for once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.stages.actions import begin_stage, finish_shard, take_shard
from payments.stages.queries import get_stage, list_stages
from payments.stages.rules import cut
from shared.db import Database
from shared.ids import new_id

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def begin(session: Session, items: int, size: int, subject: UUID | None = None) -> UUID:
    return begin_stage(
        session,
        "strathclachan",
        subject or new_id(),
        "posting",
        cut(items, size),
        topic="payments.test.shard",
        finish_topic="payments.test.finish",
        now=NOW,
    )


def finishes(session: Session) -> int:
    counted = text("SELECT count(*) FROM outbox WHERE topic = 'payments.test.finish'")
    return int(session.execute(counted).scalar_one())


@given(st.integers(1, 5_000), st.integers(1, 700))
def test_every_row_is_in_exactly_one_shard(items: int, size: int) -> None:
    ranges = cut(items, size)
    assert [row for first, last in ranges for row in range(first, last + 1)] == list(
        range(1, items + 1)
    )
    assert all(last - first < size for first, last in ranges)


@pytest.mark.parametrize(("items", "size"), [(0, 10), (10, 0)])
def test_nothing_cannot_be_cut(items: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        cut(items, size)


def test_a_stage_without_shards_is_refused(payments_session: Session) -> None:
    with pytest.raises(ValueError, match="at least one shard"):
        begin_stage(payments_session, "a", new_id(), "x", [], topic="t", finish_topic="f", now=NOW)


def test_the_last_shard_asks_for_the_finish(payments_session: Session) -> None:
    subject = new_id()
    stage_id = begin(payments_session, 25, 10, subject)
    for number, items in ((2, 10), (1, 10), (3, 5)):
        assert finishes(payments_session) == 0
        shard = take_shard(payments_session, stage_id, number)
        assert shard is not None
        assert finish_shard(payments_session, shard, items, items * 100) == (number == 3)
    assert finishes(payments_session) == 1
    (stage,) = list_stages(payments_session, subject)
    assert (stage.items_done, stage.pence_done, stage.percent) == (25, 2500, 100)
    assert stage.finished_at is not None


def test_a_shard_that_is_done_is_not_taken_again(payments_session: Session) -> None:
    stage_id = begin(payments_session, 25, 10)
    shard = take_shard(payments_session, stage_id, 1)
    assert shard is not None
    finish_shard(payments_session, shard, 10)
    assert take_shard(payments_session, stage_id, 1) is None
    with pytest.raises(RuntimeError, match="done already"):
        finish_shard(payments_session, shard, 10)
    assert get_stage(payments_session, stage_id).items_done == 10


def test_workers_that_race_for_the_same_shards_count_each_once(
    payments_database: Database,
) -> None:
    with payments_database.transaction() as session:
        stage_id = begin(session, 40, 10)

    def work(number: int) -> int:
        with payments_database.transaction() as session:
            shard = take_shard(session, stage_id, number)
            if shard is None:
                return 0
            finish_shard(session, shard, 10, 1)
            return 1

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, [1, 2, 3, 4] * 4))
    assert sum(done) == 4
    with payments_database.transaction() as session:
        stage = get_stage(session, stage_id)
        assert (stage.shards_done, stage.items_done, stage.pence_done) == (4, 40, 4)
        assert finishes(session) == 1
