"""Recalls and holds: what was booked is reversed, and of two people at once one wins."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.actions.holds import Wanted, lift_hold, place_hold
from payments.controls.queries.holds import list_held, list_standing
from payments.ledger.queries import find_open_reservation, get_balance
from payments.runs.actions.approve import approve, put_forward, release
from payments.runs.actions.edit import release_hold
from payments.runs.actions.recall import recall_payment, recall_run
from payments.runs.actions.schedule import release_scheduled
from payments.runs.rules import RELEASER, UPLOADER
from shared.actors import Actor
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, OTHER, UNA, World, staff
from tests.payments.runs.world import make_waiting_run as make_waiting

RITA = staff("Rita", RELEASER)


def approved(session: Session, world: World, programme: str = "clothing-grant") -> UUID:
    run_id = make_waiting(session, world, programme)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    return run_id


def _first(session: Session, run_id: UUID) -> str:
    found = session.execute(
        text("SELECT public_id FROM payment WHERE run_id = :run ORDER BY id LIMIT 1"),
        {"run": run_id},
    )
    return str(found.scalar_one())


def _is_reserved(session: Session, run_id: UUID) -> bool:
    return find_open_reservation(session, BODY, run_id) is not None


@pytest.mark.parametrize("actor", [RITA, ALAN], ids=["releaser", "approver"])
def test_an_approved_run_is_recalled(session: Session, world: World, actor: Actor) -> None:
    run_id = approved(session, world)
    assert _is_reserved(session, run_id)
    recall_run(session, run_id, "Wrong month", actor, NOW)
    assert world.run_state(session, run_id) == "cancelled"
    assert world.payment_states(session, run_id) == ["recalled"] * 2
    assert get_balance(session, BODY, "programme_expenditure") == 0
    assert not _is_reserved(session, run_id)
    with pytest.raises(Conflict):
        recall_run(session, run_id, "Again", actor, NOW)


def test_a_released_run_whose_file_is_not_sent_is_recalled(session: Session, world: World) -> None:
    run_id = approved(session, world, "winter-heating")
    assert world.run_state(session, run_id) == "released"
    recall_run(session, run_id, "Wrong month", RITA, NOW)
    assert world.run_state(session, run_id) == "cancelled"
    assert session.execute(text("SELECT state FROM attempt")).scalars().all() == ["abandoned"]
    assert get_balance(session, BODY, "programme_expenditure") == 0
    assert not _is_reserved(session, run_id)


@pytest.mark.parametrize("state", ["sending", "unknown", "acknowledged"])
def test_what_is_on_its_way_is_not_recalled(session: Session, world: World, state: str) -> None:
    run_id = approved(session, world, "winter-heating")
    session.execute(
        text(
            "UPDATE attempt SET state = 'sealed', content_sha256 = sha256('x'), content_bytes = 1,"
            " sealed_at = now()"
        )
    )
    session.execute(text("UPDATE attempt SET state = 'sending', sending_at = now()"))
    if state != "sending":
        session.execute(text("UPDATE attempt SET state = :state"), {"state": state})
    before = world.snapshot(session)
    with pytest.raises(Conflict) as refused, session.begin_nested():
        recall_run(session, run_id, "Too late", RITA, NOW)
    assert refused.value.code == "handed_over"
    assert world.snapshot(session) == before


def test_one_payment_is_taken_out_and_the_others_go(session: Session, world: World) -> None:
    run_id = approved(session, world)
    public_id = _first(session, run_id)
    for actor, error in ((UNA, Forbidden), (ENID, Forbidden), (OTHER, NotFound)):
        with pytest.raises(error), session.begin_nested():
            recall_payment(session, public_id, "Died", actor, NOW)
    with pytest.raises(Invalid), session.begin_nested():
        recall_payment(session, public_id, " ", RITA, NOW)
    recall_payment(session, public_id, "Died", RITA, NOW)
    assert world.payment_states(session, run_id) == ["recalled", "approved"]
    assert get_balance(session, BODY, "programme_expenditure") == 30000
    release(session, run_id, RITA, NOW)
    assert world.payment_states(session, run_id) == ["recalled", "released"]
    sent = session.execute(
        text("SELECT payment_count, total_pence, recalled_count FROM submission")
    )
    assert tuple(sent.one()) == (1, 30000, 1)


def _last(session: Session, run_id: UUID) -> str:
    found = session.execute(
        text("SELECT public_id FROM payment WHERE run_id = :run ORDER BY id DESC LIMIT 1"),
        {"run": run_id},
    )
    return str(found.scalar_one())


def test_the_last_payment_takes_its_run_with_it(session: Session, world: World) -> None:
    run_id = approved(session, world)
    recall_payment(session, _first(session, run_id), "Died", RITA, NOW)
    recall_payment(session, _last(session, run_id), "Died", RITA, NOW)
    assert world.run_state(session, run_id) == "cancelled"
    assert not _is_reserved(session, run_id)


# Holds.

REVIEW = NOW.date() + timedelta(days=7)


def _hold(level: str, **more: object) -> Wanted:
    return Wanted(level, "Fraud is looked into.", "Fraud team", REVIEW, **more)  # type: ignore[arg-type]  # members by name


def _programme(session: Session) -> UUID:
    found = session.execute(
        text("SELECT id FROM programme WHERE organisation = :body AND slug = 'clothing-grant'"),
        {"body": BODY},
    )
    return UUID(str(found.scalar_one()))


@pytest.mark.parametrize("level", ["run", "programme", "body"])
def test_what_is_held_takes_no_step(session: Session, world: World, level: str) -> None:
    run_id = approved(session, world)
    waiting = make_waiting(session, world, "clothing-grant")
    collecting = UUID(world.create(session, programme="clothing-grant").run_id)
    steps: dict[UUID, Callable[[], None]] = {
        run_id: lambda: release(session, run_id, UNA, NOW),
        waiting: lambda: approve(session, waiting, world.run_hash(session, waiting), ALAN, NOW),
        collecting: lambda: put_forward(session, world.desk.vault, collecting, UNA, NOW),
    }
    for held, step in steps.items():
        more = {"run": {"run_id": held}, "programme": {"programme_id": _programme(session)}}
        hold_id = place_hold(session, _hold(level, **more.get(level, {})), RITA, NOW)
        before = world.snapshot(session)
        with pytest.raises(Conflict) as refused, session.begin_nested():
            step()
        assert refused.value.code == "held"
        assert "Fraud team" in refused.value.detail
        assert world.snapshot(session) == before
        lift_hold(session, hold_id, "Cleared", RITA, NOW)
        step()
    assert list_standing(session, BODY) == []


def test_a_hold_stands_once_and_is_lifted_once(session: Session, world: World) -> None:
    run_id = approved(session, world)
    hold_id = place_hold(session, _hold("run", run_id=run_id), RITA, NOW)
    with pytest.raises(Conflict), session.begin_nested():
        place_hold(session, _hold("run", run_id=run_id), ALAN, NOW)
    for actor, error in (
        (UNA, Forbidden),
        (staff("R", RELEASER, organisation="glenmore"), NotFound),
    ):
        with pytest.raises(error), session.begin_nested():
            lift_hold(session, hold_id, "x", actor, NOW)
    lift_hold(session, hold_id, "Cleared", ALAN, NOW)
    with pytest.raises(Conflict):
        lift_hold(session, hold_id, "Cleared", ALAN, NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"owner": ""}, "owner"),
        ({"review_on": None}, "review_on"),
        ({"review_on": NOW.date() - timedelta(days=1)}, "review_on"),
    ],
    ids=["reason", "owner", "no day", "past"],
)
def test_a_hold_needs_reason_owner_and_day(
    session: Session, world: World, change: dict[str, object], field: str
) -> None:
    run_id = approved(session, world)
    values = {"reason": "x", "owner": "y", "review_on": REVIEW, "run_id": run_id} | change
    with pytest.raises(Invalid) as refused, session.begin_nested():
        place_hold(session, Wanted("run", **values), RITA, NOW)  # type: ignore[arg-type]  # members by name
    assert [fault.field for fault in refused.value.fields] == [field]


def test_a_held_payment_sends_its_run_back_and_waits_for_an_override(
    session: Session, world: World
) -> None:
    run_id = make_waiting(session, world, "clothing-grant")
    public_id = _first(session, run_id)
    place_hold(session, _hold("payment", public_id=public_id), RITA, NOW)
    assert world.run_state(session, run_id) == "correcting"
    assert world.payment_states(session, run_id) == ["held", "ready"]
    assert [one.public_id for one in list_held(session, BODY, 0, 20)] == [public_id]
    (standing,) = list_standing(session, BODY)
    assert standing.payment_id == public_id
    release_hold(session, public_id, "It is right", staff("Uma", UPLOADER), NOW)
    assert list_standing(session, BODY) == []
    assert world.payment_states(session, run_id) == ["ready", "ready"]


def test_a_lifted_hold_lets_scheduled_runs_go(session: Session, world: World) -> None:
    run_id = make_waiting(session, world, "winter-heating")
    hold_id = place_hold(session, _hold("run", run_id=run_id), RITA, NOW)
    lift_hold(session, hold_id, "Cleared", RITA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.run_state(session, run_id) == "released"
    other = approved(session, world, "clothing-grant")
    session.execute(text("UPDATE programme SET release = 'on_schedule'"))
    hold_id = place_hold(session, _hold("run", run_id=other), RITA, NOW)
    release_scheduled(session, BODY, other, 1, NOW)
    assert world.run_state(session, other) == "approved"
    lift_hold(session, hold_id, "Cleared", RITA, NOW)
    due = session.execute(
        text("SELECT count(*) FROM outbox WHERE topic = 'payments.runs.release_scheduled'")
    )
    assert due.scalar_one() == 1
    release_scheduled(session, BODY, other, 1, NOW)
    assert world.run_state(session, other) == "released"


# Two at once.


def _race(database: Database, *steps: Callable[[Session], object]) -> list[str]:
    barrier = threading.Barrier(len(steps))
    answers = [""] * len(steps)

    def go(number: int) -> None:
        barrier.wait()
        try:
            with database.transaction() as session:
                steps[number](session)
            answers[number] = "done"
        except Problem as problem:
            answers[number] = problem.code

    threads = [threading.Thread(target=go, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.committed
def test_release_and_recall_at_once(database: Database, world: World) -> None:
    with database.transaction() as session:
        run_id = approved(session, world)
    answers = _race(
        database,
        lambda session: release(session, run_id, UNA, NOW),
        lambda session: recall_run(session, run_id, "Wrong", RITA, NOW),
    )
    with database.transaction() as session:
        # A released run whose file nobody began to send can be recalled still.
        assert world.run_state(session, run_id) == "cancelled"
        assert answers[1] == "done"
        assert get_balance(session, BODY, "programme_expenditure") == 0


@pytest.mark.committed
def test_of_two_equal_payments_at_once_one_is_held(database: Database, world: World) -> None:
    with database.transaction() as session:
        orders = [world.order(session, reference="SWH-TWIN") for _ in range(2)]
    states: list[str] = []

    def make(number: int) -> Callable[[Session], object]:
        def step(session: Session) -> None:
            made = world.send(session, orders[number], f"twin-{number}")
            states.append(made.state)

        return step

    assert _race(database, make(0), make(1)) == ["done", "done"]
    assert sorted(states) == ["held", "ready"]
