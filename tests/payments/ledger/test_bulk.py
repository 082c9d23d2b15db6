"""Posting by shards books what posting one by one books, once, and refuses the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger import accounting, bulk, rules
from payments.ledger.actions import close_account, close_period, post_entries
from payments.ledger.queries import get_balance, list_entries_of, list_faults, trial_balance
from payments.ledger.rules import transfer
from shared.db import Database
from shared.errors import Conflict, Invalid
from shared.ids import new_id
from tests.payments.ledger.runs import DAY, make_run
from tests.payments.runs.world import BODY, NOW, seed


@pytest.fixture
def session(payments_session: Session) -> Session:
    seed(payments_session)
    return payments_session


def balances(session: Session) -> dict[str, int]:
    lines = trial_balance(session, BODY)
    return {line.code: line.posted_pence for line in lines if line.posted_pence}


def entry_count(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM entry")).scalar_one())


def check_batches(session: Session) -> None:
    """Run the check that waits for the commit."""
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET CONSTRAINTS ALL DEFERRED"))


def post(session: Session, run: UUID, ids: list[UUID], on: date = DAY) -> tuple[int, int]:
    return bulk.post_approved(session, BODY, run, 1, ids[0], ids[-1], on)


def test_a_shard_is_booked_whole_and_in_order(session: Session) -> None:
    run, ids = make_run(session, [100, 250, 7])
    assert post(session, run, ids) == (3, 357)
    check_batches(session)
    assert balances(session) == {"programme_expenditure": 357, "payments_approved": -357}
    rows = session.execute(text("SELECT id, event_id FROM entry ORDER BY id")).all()
    assert [row.event_id for row in rows] == [f"{one}/1" for one in ids]
    assert {row.id.version for row in rows} == {7}
    assert list_faults(session, BODY) == []


def test_only_what_awaits_approval_between_the_ids_is_booked(session: Session) -> None:
    run, ids = make_run(session, [100, 250, 7])
    session.execute(text("UPDATE payment SET state = 'ready' WHERE id = :id"), {"id": ids[1]})
    assert post(session, run, ids[:2]) == (1, 100)
    assert post(session, new_id(), ids) == (0, 0)
    assert entry_count(session) == 1


def test_it_is_the_same_event_as_one_by_one(session: Session) -> None:
    run, ids = make_run(session, [100, 250])
    drafts = [
        transfer(
            "payment.approved", f"{one}/1", DAY, "programme_expenditure", "payments_approved", pence
        )
        for one, pence in zip(ids, (100, 250), strict=True)
    ]
    post_entries(session, BODY, drafts[:1], "one by one")
    assert post(session, run, ids) == (2, 350)
    assert [one.replay for one in post_entries(session, BODY, drafts, "again")] == [True, True]
    check_batches(session)
    assert balances(session)["programme_expenditure"] == 350
    assert entry_count(session) == 2


def test_a_shard_twice_is_a_replay(session: Session) -> None:
    run, ids = make_run(session, [100, 250])
    assert post(session, run, ids) == post(session, run, ids) == (2, 350)
    check_batches(session)
    assert entry_count(session) == 2


@pytest.mark.parametrize(
    ("change", "on", "field"),
    [
        ("amount_pence = 101", DAY, "postings"),
        ("amount_pence = 100", DAY + timedelta(days=1), "effective_on"),
    ],
)
def test_other_content_is_a_conflict_that_names_the_field(
    session: Session, change: str, on: date, field: str
) -> None:
    run, ids = make_run(session, [100, 250])
    post(session, run, ids[:1])
    session.execute(text(f"UPDATE payment SET {change} WHERE id = :id"), {"id": ids[0]})
    with pytest.raises(Conflict) as caught:
        post(session, run, ids, on)
    assert caught.value.code == f"exists_with_different_{field}"
    assert entry_count(session) == 1


def test_what_replaces_a_returned_payment_costs_nothing_more(session: Session) -> None:
    _, old = make_run(session, [100], state="returned")
    run, ids = make_run(session, [100, 50], replaces=[old[0].hex[-26:], None])
    post(session, run, ids)
    assert balances(session) == {
        "returned_unapplied": 100,
        "programme_expenditure": 50,
        "payments_approved": -150,
    }
    assert bulk.post_recalled(session, BODY, run, 1, ids[0], ids[-1], DAY) == (2, 150)
    assert balances(session) == {}


def test_a_recall_mirrors_once_and_leaves_what_is_reversed(session: Session) -> None:
    run, ids = make_run(session, [100, 250, 7])
    post(session, run, ids)
    accounting.post_payment_recalled(session, BODY, ids[1], 1, DAY)
    later = DAY + timedelta(days=3)
    assert bulk.post_recalled(session, BODY, run, 1, ids[0], ids[-1], later) == (2, 107)
    assert bulk.post_recalled(session, BODY, run, 1, ids[0], ids[-1], later) == (0, 0)
    check_batches(session)
    assert balances(session) == {}
    kinds = [entry.kind for entry in list_entries_of(session, BODY, str(ids[0]))]
    assert kinds == ["posted", "reversal"]


def test_a_reservation_is_made_once(session: Session) -> None:
    run = new_id()
    for _ in range(2):
        accounting.reserve_run(session, BODY, run, 1, "main", DAY, 500)
    with pytest.raises(Conflict, match="exists_with_different_postings"):
        accounting.reserve_run(session, BODY, run, 1, "main", DAY, 501)
    bank = next(line for line in trial_balance(session, BODY) if line.code == "bank.main")
    assert (bank.pending_credit, bank.posted_pence) == (500, 0)
    accounting.free_run(session, BODY, run, 1, DAY)
    accounting.free_run(session, BODY, run, 1, DAY)
    bank = next(line for line in trial_balance(session, BODY) if line.code == "bank.main")
    assert bank.pending_credit == 0


def test_a_closed_period_sends_a_shard_to_the_next(session: Session) -> None:
    run, ids = make_run(session, [100])
    for event, day in (("1", DAY), ("2", date(2026, 12, 4))):
        draft = transfer("x", event, day, "in_transit", "payments_approved", 1)
        post_entries(session, BODY, [draft], "test")
    close_period(session, BODY, DAY, "una", "alan")
    post(session, run, ids)
    row = session.execute(
        text(
            "SELECT p.starts_on, e.effective_on FROM entry e JOIN period p ON p.id = e.period_id"
            " WHERE e.event_type = 'payment.approved'"
        )
    ).one()
    assert (row.starts_on, row.effective_on) == (date(2026, 12, 1), DAY)


def test_a_closed_account_refuses_the_whole_shard(session: Session) -> None:
    run, ids = make_run(session, [100, 250])
    close_account(session, BODY, rules.PAYMENTS_APPROVED, NOW)
    with pytest.raises(Exception, match="is closed"):
        post(session, run, ids)
    assert entry_count(session) == 0


def test_items_are_refused_before_anything_is_booked(session: Session) -> None:
    one, leg = new_id(), bulk.Leg("x", "in_transit", "payments_approved")
    with pytest.raises(Invalid) as caught:
        bulk.post_items(session, BODY, leg, [(one, 5, DAY), (one, 0, DAY)], "test")
    assert [fault.message for fault in caught.value.fields] == [
        "needs an amount above zero",
        "name a thing twice",
    ]
    assert bulk.post_items(session, BODY, leg, [], "test") == (0, 0)
    assert entry_count(session) == 0


def test_one_shard_from_eight_threads(payments_database: Database) -> None:
    with payments_database.transaction() as session:
        seed(session)
        run, ids = make_run(session, [100] * 50)

    def work(_: int) -> tuple[int, int]:
        with payments_database.transaction() as session:
            return post(session, run, ids)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {(50, 5000)}
    with payments_database.transaction() as session:
        assert get_balance(session, BODY, "programme_expenditure") == 5000
        assert entry_count(session) == 50
