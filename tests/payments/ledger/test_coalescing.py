"""Requests that share a batch are answered each by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from payments.ledger.actions import close_account, open_accounts, post_entries
from payments.ledger.coalescing import CoalescingWriter
from payments.ledger.queries import get_balance, list_faults
from payments.ledger.rules import EntryDraft, transfer
from shared.clock import now
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.ids import new_id

BODY = "strathclachan"
DAY = date(2026, 11, 23)
PURSE = text(
    "INSERT INTO account (id, body, code, type, normal_side, currency, bound) VALUES"
    " (:id, :body, 'purse', 'asset', 'debit', 'GBP', 'not_negative')"
)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        for body in (BODY, "glenmore"):
            open_accounts(session, body)
        session.execute(PURSE, {"id": new_id(), "body": BODY})
    return payments_database


@pytest.fixture
def writer(database: Database) -> Iterator[CoalescingWriter]:
    made = CoalescingWriter(database)
    yield made
    made.close()


def some(event: str, pence: int = 5, debit: str = "in_transit") -> EntryDraft:
    return transfer("single", event, DAY, debit, "payments_approved", pence)


def spend(event: str, pence: int) -> EntryDraft:
    return transfer("spent", event, DAY, "in_transit", "purse", pence)


def count(database: Database, table: str = "entry") -> int:
    with database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def held(database: Database, code: str) -> int:
    with database.transaction() as session:
        assert list_faults(session, BODY) == []
        return get_balance(session, BODY, code)


def test_many_share_few_transactions(database: Database, writer: CoalescingWriter) -> None:
    futures = [writer.submit(BODY, some(str(n))) for n in range(500)]
    posted = [future.result(30) for future in futures]
    assert len({one.id for one in posted}) == 500
    assert not any(one.replay for one in posted)
    assert held(database, "in_transit") == 2500
    assert count(database, "posting_batch") < 250


def test_an_event_twice_is_a_replay_and_with_other_content_a_conflict(
    database: Database, writer: CoalescingWriter
) -> None:
    futures = [writer.submit(BODY, some("1")) for _ in range(20)]
    other = writer.submit(BODY, some("1", 6))
    answers = [future.result(30) for future in futures]
    assert len({one.id for one in answers}) == 1
    assert sum(not one.replay for one in answers) == 1
    with pytest.raises(Conflict) as caught:
        other.result(30)
    assert caught.value.code == "exists_with_different_postings"
    assert count(database) == 1


def test_one_that_is_refused_does_not_fail_the_others(
    database: Database, writer: CoalescingWriter
) -> None:
    with database.transaction() as session:
        close_account(session, BODY, "programme_income", now())
    good = [writer.submit(BODY, some(str(n))) for n in range(10)]
    unknown = writer.submit(BODY, some("u", debit="nowhere"))
    closed = writer.submit(BODY, some("c", debit="programme_income"))
    good += [writer.submit(BODY, some(str(n))) for n in range(10, 20)]
    with pytest.raises(Invalid, match="no_such_account"):
        unknown.result(30)
    with pytest.raises(Conflict, match="is closed"):
        closed.result(30)
    assert all(not future.result(30).replay for future in good)
    assert count(database) == 20


def test_an_unbalanced_draft_is_refused_at_once(
    database: Database, writer: CoalescingWriter
) -> None:
    with pytest.raises(Invalid, match="entry_invalid"):
        writer.submit(BODY, EntryDraft("x", "1", DAY, some("1").lines[:1]))
    assert count(database) == 0


def test_a_bound_is_kept_whoever_comes_together(
    database: Database, writer: CoalescingWriter
) -> None:
    writer.post(BODY, some("fill", 1000, debit="purse"))
    with ThreadPoolExecutor(16) as pool:
        futures = list(pool.map(lambda n: writer.submit(BODY, spend(str(n), 30)), range(60)))
    refused = [future for future in futures if future.exception(30) is not None]
    assert len(refused) == 60 - 33
    assert {str(getattr(future.exception(), "code", "")) for future in refused} == {"bound_passed"}
    assert held(database, "purse") == 10


def test_a_bound_holds_against_another_writer_too(database: Database) -> None:
    writers = [CoalescingWriter(database) for _ in range(2)]
    writers[0].post(BODY, some("fill", 1000, debit="purse"))
    futures = [writers[n % 2].submit(BODY, spend(str(n), 30)) for n in range(60)]
    assert sum(future.exception(30) is None for future in futures) == 33
    assert held(database, "purse") == 10
    for writer in writers:
        writer.close()


def test_bodies_do_not_mix(database: Database, writer: CoalescingWriter) -> None:
    futures = [writer.submit(("glenmore", BODY)[n % 2], some(str(n))) for n in range(40)]
    for future in futures:
        future.result(30)
    assert held(database, "in_transit") == 100
    with database.transaction() as session:
        assert get_balance(session, "glenmore", "in_transit") == 100


def test_what_is_booked_elsewhere_is_known(database: Database, writer: CoalescingWriter) -> None:
    with database.transaction() as session:
        first = post_entries(session, BODY, [some("1")], "test")[0]
    again = writer.post(BODY, some("1"))
    assert (again.id, again.replay) == (first.id, True)


def test_a_closed_writer_posts_what_waits_and_takes_no_more(database: Database) -> None:
    writer = CoalescingWriter(database)
    futures = [writer.submit(BODY, some(str(n))) for n in range(300)]
    writer.close()
    assert all(not future.result(0).replay for future in futures)
    with pytest.raises(RuntimeError):
        writer.submit(BODY, some("late"))
    assert count(database) == 300


def test_names_of_events_may_hold_anything(database: Database, writer: CoalescingWriter) -> None:
    names = ['a"b', "back\\slash", '","', "{}", "NULL", "a,b", "", " ", "Gàidhlig"]
    drafts = [some(name) for name in names]
    posted = [future.result(10) for future in [writer.submit(BODY, one) for one in drafts]]
    assert [one.id for one in posted] == [one.id for one in drafts]
    with database.transaction() as session:
        kept = (
            session.execute(
                text("SELECT event_id FROM entry WHERE id = ANY(:ids) ORDER BY id"),
                {"ids": [one.id for one in drafts]},
            )
            .scalars()
            .all()
        )
    assert list(kept) == names
