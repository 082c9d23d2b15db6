"""Balances by day are those of the postings, folded or not, as known at any instant."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from payments.ledger import accounting
from payments.ledger.actions import open_accounts, post_entries
from payments.ledger.balances import fold_balances, list_drift, trial_balance
from payments.ledger.rules import transfer
from payments.ledger.seal.sealing import seal
from payments.ledger.upkeep import expire_reservations, fold_all, open_months_ahead, prove_body
from shared.db import Database
from shared.ids import new_id

BODY = "strathclachan"
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)
    return payments_database


def post(database: Database, event: str, pence: int, on: date = DAY) -> None:
    with database.transaction() as session:
        draft = transfer("test", event, on, "in_transit", "payments_approved", pence)
        post_entries(session, BODY, [draft], "test")


def balance(
    database: Database, as_of: date = date.max, known_at: datetime | None = None
) -> dict[str, int]:
    with database.transaction() as session:
        lines = trial_balance(session, BODY, as_of=as_of, known_at=known_at)
        return {line.code: line.posted_pence for line in lines if line.posted_pence}


def seal_all(database: Database) -> None:
    with database.transaction() as session:
        seal(session, NOW)


def fold(database: Database) -> int:
    with database.transaction() as session:
        return fold_balances(session)


def drift(database: Database) -> list[str]:
    with database.transaction() as session:
        return list_drift(session, BODY)


def test_a_balance_is_right_at_every_step_of_the_fold(database: Database) -> None:
    expected = 0
    for number, pence in enumerate((5, 70, 900)):
        post(database, f"{number}", pence)
        expected += pence
        assert balance(database)["in_transit"] == expected
        seal_all(database)
        assert balance(database)["in_transit"] == expected
        if number != 1:
            assert fold(database) > 0
        assert balance(database)["in_transit"] == expected
        assert drift(database) == []
    assert fold(database) == 0


def test_a_late_entry_changes_the_days_after_it_only(database: Database) -> None:
    post(database, "1", 5)
    seal_all(database)
    fold_all(database)
    post(database, "late", 70, DAY - timedelta(days=2))
    seal_all(database)
    fold_all(database)
    assert balance(database, DAY - timedelta(days=3)) == {}
    assert balance(database, DAY - timedelta(days=1))["in_transit"] == 70
    assert balance(database, DAY)["in_transit"] == 75


def test_what_was_known_earlier_is_still_known(database: Database) -> None:
    post(database, "1", 5)
    with database.transaction() as session:
        then = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    post(database, "late", 70, DAY - timedelta(days=2))
    seal_all(database)
    fold_all(database)
    assert balance(database, DAY, then)["in_transit"] == 5
    assert balance(database, DAY)["in_transit"] == 75


def test_reservations_are_folded_and_resolved(database: Database) -> None:
    run = new_id()
    with database.transaction() as session:
        accounting.reserve_run(session, BODY, run, 1, "main", DAY, 500)
    seal_all(database)
    fold_all(database)
    with database.transaction() as session:
        accounting.post_contra_seen(session, BODY, run, new_id(), "main", 300, DAY)
    assert drift(database) == []
    seal_all(database)
    fold_all(database)
    assert drift(database) == []
    with database.transaction() as session:
        bank = next(one for one in trial_balance(session, BODY) if one.code == "bank.main")
    assert (bank.posted_pence, bank.pending_credit) == (-300, 0)


def test_a_changed_balance_by_day_is_reported(database: Database) -> None:
    post(database, "1", 5)
    seal_all(database)
    fold_all(database)
    with database.transaction() as session:
        session.execute(text("UPDATE balance_day SET posted_debit = 6 WHERE posted_debit = 5"))
    assert prove_body(database, BODY) == ["balance by day of in_transit differs from its postings"]


def test_an_old_reservation_is_freed_once_and_said(database: Database) -> None:
    run = new_id()
    with database.transaction() as session:
        accounting.reserve_run(session, BODY, run, 1, "main", DAY, 500)
    assert expire_reservations(database, 40, lambda: NOW) == 0
    with database.transaction() as session:
        session.execute(text("SELECT pg_sleep(0.01)"))
    assert expire_reservations(database, 0, lambda: NOW) == 1
    assert expire_reservations(database, 0, lambda: NOW) == 0
    with database.transaction() as session:
        outcome = session.execute(text("SELECT outcome FROM pending_resolution")).scalar_one()
        work = session.execute(text("SELECT code, amount_pence, state FROM work_item")).all()
        said = session.execute(
            text("SELECT count(*) FROM audit_event WHERE action = 'ledger.reservation.expired'")
        ).scalar_one()
        bank = next(one for one in trial_balance(session, BODY) if one.code == "bank.main")
    assert outcome == "expired"
    assert [tuple(row) for row in work] == [("reservation_expired", 500, "open")]
    assert said == 1
    assert bank.pending_credit == 0


def test_a_used_reservation_does_not_expire(database: Database) -> None:
    run = new_id()
    with database.transaction() as session:
        accounting.reserve_run(session, BODY, run, 1, "main", DAY, 500)
        accounting.post_contra_seen(session, BODY, run, new_id(), "main", 500, DAY)
    assert expire_reservations(database, 0, lambda: NOW) == 0


def test_months_are_open_before_they_are_needed(database: Database) -> None:
    for _ in range(2):
        with database.transaction() as session:
            open_months_ahead(session, BODY, datetime(2026, 12, 31, 23, tzinfo=UTC))
    with database.transaction() as session:
        starts = session.execute(text("SELECT starts_on FROM period ORDER BY 1")).scalars().all()
    assert list(starts) == [date(2026, 12, 1), date(2027, 1, 1)]
