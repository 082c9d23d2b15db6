"""Runs of more than one shard: worked on in the background, once, in any order, after any kill."""

import random
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.actions import record_outcomes
from payments.ledger.queries import get_balance
from payments.runs.actions import outcomes, parts
from payments.runs.actions.approve import approve, put_forward, reject, release
from payments.runs.actions.background import do_part
from payments.runs.actions.edit import remove_payment
from payments.runs.actions.outcomes import apply_outcomes
from payments.runs.actions.parts import take_part
from payments.runs.queries.runs import get_run
from payments.runs.queries.totals import get_totals
from payments.settings import PaymentsSettings
from payments.stages.queries import list_stages
from payments.stages.rules import cut
from shared.db import Database
from shared.errors import Conflict
from tests.payments.runs.big import counting, due_work, fill_run, work
from tests.payments.runs.console import make_settings
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, UNA, World, write_file

pytestmark = pytest.mark.committed
SHARD = 4


@pytest.fixture
def settings(payments_url: str, key_file: Path, private_key: Path) -> PaymentsSettings:
    return make_settings(payments_url, key_file, private_key)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have eleven payments make three shards."""
    monkeypatch.setattr(parts, "SHARD_ITEMS", SHARD)
    monkeypatch.setattr(outcomes, "SHARD_ITEMS", SHARD)
    monkeypatch.setattr(parts, "cut", lambda items: cut(items, SHARD))


def _forward(database: Database, world: World, settings: PaymentsSettings, count: int = 11) -> UUID:
    with database.transaction() as session:
        run_id = fill_run(session, world, count)
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
        assert world.run_state(session, run_id) == "putting_forward"
    work(database, settings)
    return run_id


def _approve(database: Database, world: World, settings: PaymentsSettings, run_id: UUID) -> None:
    with database.transaction() as session:
        approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
        assert world.run_state(session, run_id) == "approving"
    work(database, settings)


def _figures(session: Session, run_id: UUID) -> dict[str, tuple[int, int]]:
    return {
        state: (figure.count, figure.total_pence)
        for state, figure in get_totals(session, run_id).items()
    }


@pytest.mark.usefixtures("small_shards")
def test_the_whole_way_of_a_big_run(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    total = 30000 + sum(100 + number for number in range(1, 11))
    with database.transaction() as session:
        run = get_run(session, BODY, run_id)
        assert (run.state, run.working) == ("awaiting_approval", None)
        assert (run.signed_count, run.signed_pence) == (11, total)
        assert _figures(session, run_id) == {"awaiting_approval": (11, total)}
        (stage,) = list_stages(session, run_id)
        assert (stage.name, stage.shards, stage.percent) == ("put_forward", 3, 100)
    _approve(database, world, settings, run_id)
    with database.transaction() as session:
        assert world.run_state(session, run_id) == "approved"
        assert get_balance(session, BODY, "programme_expenditure") == total
        release(session, run_id, UNA, NOW)
        assert session.execute(text("SELECT count(*) FROM submission")).scalar_one() == 0
    work(database, settings)
    with database.transaction() as session:
        assert _figures(session, run_id) == {"released": (11, total)}
        found = session.execute(text("SELECT payment_count, total_pence FROM submission")).one()
        assert tuple(found) == (11, total)
        lines = session.execute(text("SELECT count(*) FROM run_event WHERE payment_id IS NOT NULL"))
        assert lines.scalar_one() == 3, "only the one payment that came alone has lines of its own"


@pytest.mark.usefixtures("small_shards")
def test_a_big_run_signs_what_a_small_one_would(
    database: Database,
    world: World,
    settings: PaymentsSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = _forward(database, world, settings)
    with database.transaction() as session:
        in_parts = world.run_hash(session, run_id)
        reject(session, run_id, "Once more", ALAN, NOW)
    work(database, settings)
    monkeypatch.setattr(parts, "SHARD_ITEMS", 100)
    with database.transaction() as session:
        assert set(world.payment_states(session, run_id)) == {"rejected"}
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
        assert world.run_hash(session, run_id) == in_parts


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_parts_in_any_order_and_twice(
    database: Database, world: World, settings: PaymentsSettings, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret

    def shuffled(due: list[tuple[int, str]]) -> list[tuple[int, str]]:
        twice = due * 2
        chance.shuffle(twice)
        return twice

    with database.transaction() as session:
        run_id = fill_run(session, world, 11)
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
    work(database, settings, shuffled)
    with database.transaction() as session:
        approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    work(database, settings, shuffled)
    with database.transaction() as session:
        assert world.run_state(session, run_id) == "approved"
        (approved,) = get_totals(session, run_id).values()
        assert approved.count == 11
        assert get_balance(session, BODY, "programme_expenditure") == approved.total_pence
        entries = session.execute(
            text("SELECT count(*) FROM entry WHERE event_type = 'payment.approved'")
        )
        assert entries.scalar_one() == 11


@pytest.mark.usefixtures("small_shards")
def test_a_worker_killed_within_a_part_leaves_nothing_of_it(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    with database.transaction() as session:
        approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    with database.transaction() as session:
        stage = list_stages(session, run_id)[-1]
    with database._sessions() as session:  # the transaction of a worker that dies
        part = take_part(session, stage.id, 2)
        assert part is not None
        do_part(session, world.desk.vault, part, NOW)
        session.rollback()
    with database.transaction() as session:
        assert set(_figures(session, run_id)) == {"awaiting_approval"}
        assert get_balance(session, BODY, "programme_expenditure") == 0
    work(database, settings)
    with database.transaction() as session:
        assert set(_figures(session, run_id)) == {"approved"}
        assert world.run_state(session, run_id) == "approved"


@pytest.mark.usefixtures("small_shards")
def test_nothing_else_is_done_with_a_run_that_is_worked_on(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    with database.transaction() as session:
        first = session.execute(text("SELECT public_id FROM payment ORDER BY id LIMIT 1"))
        public_id = first.scalar_one()
        remove_payment(session, public_id, "Not entitled", UNA, NOW)
        assert world.run_state(session, run_id) == "correcting"
    with database.transaction() as session:
        before = world.snapshot(session)
        with pytest.raises(Conflict) as refused, session.begin_nested():
            put_forward(session, world.desk.vault, run_id, UNA, NOW)
        assert refused.value.code == "run_busy"
        assert world.snapshot(session) == before
    work(database, settings)
    with database.transaction() as session:
        assert {state: count for state, (count, _) in _figures(session, run_id).items()} == {
            "ready": 10,
            "cancelled": 1,
        }
        put_forward(session, world.desk.vault, run_id, UNA, NOW)


@pytest.mark.usefixtures("small_shards")
def test_an_approved_run_that_changes_is_reversed_in_parts(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    _approve(database, world, settings, run_id)
    with database.transaction() as session:
        public_id = session.execute(
            text("SELECT public_id FROM payment ORDER BY id OFFSET 5 LIMIT 1")
        ).scalar_one()
        remove_payment(session, public_id, "Not entitled", UNA, NOW)
    work(database, settings)
    with database.transaction() as session:
        assert get_balance(session, BODY, "programme_expenditure") == 0
        reserved = session.execute(
            text("SELECT coalesce(sum(amount), 0) FROM posting WHERE pending")
        )
        assert reserved.scalar_one() == 0
        assert {state: count for state, (count, _) in _figures(session, run_id).items()} == {
            "ready": 10,
            "cancelled": 1,
        }


@pytest.mark.usefixtures("small_shards")
def test_content_changed_behind_our_back_is_never_booked(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE payment SET amount_pence = 999 WHERE id ="
                " (SELECT id FROM payment ORDER BY id OFFSET 7 LIMIT 1)"
            )
        )
    with database.transaction() as session:
        before = world.snapshot(session)
        with pytest.raises(Conflict) as refused, session.begin_nested():
            approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
        assert refused.value.code == "run_changed"
        assert world.snapshot(session) == before


@pytest.mark.usefixtures("small_shards")
def test_a_big_batch_of_answers_is_applied_in_parts(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    run_id = _forward(database, world, settings)
    _approve(database, world, settings, run_id)
    with database.transaction() as session:
        release(session, run_id, UNA, NOW)
    work(database, settings)
    with database.transaction() as session:
        write_file(session, world)
        submission = session.execute(text("SELECT id FROM submission")).scalar_one()
        rejected = session.execute(text("SELECT id FROM payment ORDER BY id LIMIT 1")).scalar_one()
        record_outcomes(session, submission, run_id, "submitted", NOW.date())
        record_outcomes(session, submission, run_id, "rejected", NOW.date(), only=[rejected])
        record_outcomes(session, submission, run_id, "paid", NOW.date())
    work(database, settings, lambda due: sorted(due, reverse=True))
    with database.transaction() as session:
        states = {state: count for state, (count, _) in _figures(session, run_id).items()}
        assert states == {"scheme_rejected": 1, "paid": 10}
        assert world.run_state(session, run_id) == "closed"
        kinds = dict(
            tuple(row)
            for row in session.execute(
                text(
                    "SELECT kind, count(*) FROM run_event WHERE kind IN"
                    " ('submitted', 'paid', 'rejected', 'contradicted') GROUP BY kind"
                )
            )
        )
        assert kinds == {"submitted": 1, "paid": 1, "rejected": 1, "contradicted": 1}
        batch = session.execute(
            text("SELECT batch_id FROM bank_outcome WHERE kind = 'paid' LIMIT 1")
        ).scalar_one()
        apply_outcomes(session, batch, NOW)
    work(database, settings)
    with database.transaction() as session:
        assert world.run_state(session, run_id) == "closed"


def test_twenty_five_thousand_payments_in_a_bounded_number_of_statements(
    database: Database, world: World, settings: PaymentsSettings
) -> None:
    with database.transaction() as session:
        run_id = fill_run(session, world, 25_000)
    with counting(database) as counted:
        with database.transaction() as session:
            put_forward(session, world.desk.vault, run_id, UNA, NOW)
        assert len(due_work(database)) == 3
        assert work(database, settings) == 4
        with database.transaction() as session:
            digest = world.run_hash(session, run_id)
            approve(session, run_id, digest, ALAN, NOW)
        assert work(database, settings) == 4
    assert len(counted.statements) < 250, len(counted.statements)
    with database.transaction() as session:
        assert world.run_state(session, run_id) == "approved"
        (approved,) = get_totals(session, run_id).values()
        assert approved.count == 25_000
        assert get_balance(session, BODY, "programme_expenditure") == approved.total_pence


def test_the_page_of_a_big_run_shows_a_page_of_payments(
    console: object, database: Database, world: World
) -> None:
    with database.transaction() as session:
        run_id = fill_run(session, world, 120)
    page = console(ENID).get(f"/payments/runs/{run_id}")  # type: ignore[operator]  # the fixture is a function
    assert page.count("BIG-") == 49
    assert "120" in page
    person = console(ENID)  # type: ignore[operator]  # the fixture is a function
    assert "BIG-119" in person.get(f"/payments/runs/{run_id}?page=3")
    page = person.get(f"/payments/runs/{run_id}?q=BIG-117")
    assert page.count("/payments/payments/") == 1
    assert "1 payment found" in page
    assert "0 payments found" in person.get(f"/payments/runs/{run_id}?state=held&q=")
