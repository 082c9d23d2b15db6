"""Runs are made ahead of their days, each once, and what can no longer be kept is marked."""

import threading
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.queries.duties import list_doers
from payments.payees.bank_details import DetailsVault
from payments.runs.actions.approve import approve, put_forward
from payments.runs.queries.runs import get_run
from payments.runs.rules import APPROVER, UPLOADER
from payments.runs.schedules.actions.life import pause, resume
from payments.runs.schedules.actions.make import make_missed, make_next
from payments.runs.schedules.queries import list_due
from shared.clock import LONDON
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.payments.runs.schedules.payees import (
    add_payee,
    add_payees,
    occurrences,
    set_up,
)
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, OTHER, UNA, World, staff

# The run of Friday 4 December is made two Bacs days before its input on Wednesday.
DUE = datetime(2026, 11, 30, 6, 0, tzinfo=LONDON)
UMA = staff("Uma", UPLOADER)
TOO_LATE = datetime(2026, 12, 2, 22, 31, tzinfo=LONDON)


@pytest.fixture
def schedule_id(session: Session, vault: DetailsVault) -> UUID:
    add_payees(session, vault)
    return set_up(session)


def _runs(session: Session) -> list[UUID]:
    return list(session.execute(text("SELECT id FROM run ORDER BY id")).scalars())


def test_nothing_is_made_before_its_time(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    early = DUE - timedelta(seconds=1)
    assert list_due(session, early, 10) == []
    assert not make_next(session, vault, schedule_id, early)
    assert list_due(session, DUE, 10) == [schedule_id]
    assert _runs(session) == []


def test_a_run_collects_and_nobody_has_approved_it(
    session: Session, world: World, vault: DetailsVault, schedule_id: UUID
) -> None:
    assert make_next(session, vault, schedule_id, DUE)
    assert not make_next(session, vault, schedule_id, DUE)
    (run_id,) = _runs(session)
    run = get_run(session, BODY, run_id)
    assert (run.state, run.source, run.rail) == ("collecting", "schedule", "bacs")
    assert run.entry_on == date(2026, 12, 4)
    assert world.payment_states(session, run_id) == ["ready", "ready"]
    paid = session.execute(
        text(
            "SELECT payee_name, amount_pence, reference, account_tail, payee_id IS NOT NULL"
            " FROM payment ORDER BY upload_row, id"
        )
    )
    assert sorted(tuple(row) for row in paid) == [
        ("Calum Fictional", 8_050, "ALLOWANCE C", "0039", True),
        ("Morag Fictional", 12_000, "ALLOWANCE M", "0012", True),
    ]
    assert occurrences(session, schedule_id) == [("2026-12-04", "made")]


def test_whoever_set_it_up_does_not_approve(
    session: Session, world: World, vault: DetailsVault, schedule_id: UUID
) -> None:
    make_next(session, vault, schedule_id, DUE)
    (run_id,) = _runs(session)
    assert list_doers(session, run_id)["scheduled"] == {UNA.id}
    put_forward(session, vault, run_id, UMA, NOW)
    content = world.run_hash(session, run_id)
    with pytest.raises(Forbidden) as refused, session.begin_nested():
        approve(session, run_id, content, replace(UNA, roles=frozenset({APPROVER})), NOW)
    assert refused.value.code == "same_person"
    assert world.run_state(session, run_id) == "awaiting_approval"
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.run_state(session, run_id) == "approved"


def test_the_same_payment_next_week_is_no_duplicate(
    session: Session, world: World, vault: DetailsVault, schedule_id: UUID
) -> None:
    make_next(session, vault, schedule_id, DUE)
    assert make_next(session, vault, schedule_id, DUE + timedelta(days=7))
    assert [world.payment_states(session, run) for run in _runs(session)] == [["ready"] * 2] * 2
    other = set_up(session, name="The same again")
    make_next(session, vault, other, DUE)
    newest = session.execute(text("SELECT id FROM run ORDER BY id DESC LIMIT 1")).scalar_one()
    assert world.payment_states(session, newest) == ["held", "held"]


def test_a_payee_that_cools_off_is_held(
    session: Session, vault: DetailsVault, world: World
) -> None:
    add_payees(session, vault)
    session.execute(
        text(
            "UPDATE payee SET cooling_until = :until, details_changed_at = created_at"
            " WHERE reference = 'CALUM'"
        ),
        {"until": DUE + timedelta(hours=1)},
    )
    schedule_id = set_up(session)
    make_next(session, vault, schedule_id, DUE)
    (run_id,) = _runs(session)
    assert sorted(world.payment_states(session, run_id)) == ["held", "ready"]
    held = session.execute(text("SELECT count(*) FROM run_event WHERE kind = 'held'"))
    assert held.scalar_one() == 1


def test_after_an_outage_it_is_caught_up_before_the_cut_off(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    make_next(session, vault, schedule_id, TOO_LATE - timedelta(hours=1))
    made = session.execute(text("SELECT state, is_caught_up FROM schedule_occurrence")).one()
    assert tuple(made) == ("made", True)


def test_after_the_cut_off_it_is_missed_with_the_reason(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    assert make_next(session, vault, schedule_id, TOO_LATE)
    assert occurrences(session, schedule_id) == [("2026-12-04", "missed")]
    reason = session.execute(text("SELECT reason FROM schedule_occurrence")).scalar_one()
    assert "2 December 2026" in reason
    assert _runs(session) == []


def test_a_missed_day_is_made_after_all_once(
    session: Session, vault: DetailsVault, world: World, schedule_id: UUID
) -> None:
    make_next(session, vault, schedule_id, TOO_LATE)
    day = date(2026, 12, 4)
    for actor, error, reason, wanted in (
        (ENID, Forbidden, "x", day),
        (OTHER, NotFound, "x", day),
        (UNA, Invalid, " ", day),
        (UNA, Invalid, "x", None),
        (UNA, Conflict, "x", date(2026, 12, 11)),
    ):
        with pytest.raises(error), session.begin_nested():
            make_missed(session, vault, schedule_id, wanted, reason, actor, TOO_LATE)
    assert _runs(session) == []
    run_id = make_missed(session, vault, schedule_id, day, "They need it", UNA, TOO_LATE)
    assert occurrences(session, schedule_id) == [("2026-12-04", "made")]
    assert world.payment_states(session, run_id) == ["ready", "ready"]
    with pytest.raises(Conflict), session.begin_nested():
        make_missed(session, vault, schedule_id, day, "Again", UNA, TOO_LATE)
    assert _runs(session) == [run_id]


def test_an_outage_of_weeks_is_gone_through_day_by_day(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    later = datetime(2026, 12, 15, 12, 0, tzinfo=LONDON)
    while make_next(session, vault, schedule_id, later):
        pass
    assert occurrences(session, schedule_id) == [
        ("2026-12-04", "missed"),
        ("2026-12-11", "missed"),
        ("2026-12-18", "made"),
    ]


def test_what_a_pause_left_out_is_missed_and_says_so(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    pause(session, schedule_id, "Budget", UNA, NOW)
    assert list_due(session, TOO_LATE, 10) == []
    assert not make_next(session, vault, schedule_id, TOO_LATE)
    resume(session, schedule_id, UNA, TOO_LATE)
    assert make_next(session, vault, schedule_id, TOO_LATE)
    reason = session.execute(text("SELECT reason FROM schedule_occurrence")).scalar_one()
    assert reason == "The schedule was paused when the run should have been made."


def test_a_closing_day_set_since_moves_when_it_is_made(
    session: Session, vault: DetailsVault, schedule_id: UUID
) -> None:
    session.execute(text("UPDATE schedule SET look_at = :early"), {"early": NOW})
    assert make_next(session, vault, schedule_id, NOW)
    assert session.execute(text("SELECT look_at FROM schedule")).scalar_one() == DUE
    assert _runs(session) == []


def test_the_last_day_ends_the_schedule(session: Session, vault: DetailsVault) -> None:
    add_payees(session, vault)
    schedule_id = set_up(session, most=1)
    make_next(session, vault, schedule_id, DUE)
    row = session.execute(text("SELECT state, next_on, look_at FROM schedule")).one()
    assert tuple(row) == ("ended", None, None)
    assert not make_next(session, vault, schedule_id, TOO_LATE)


def test_the_rail_and_its_reason_are_the_programmes(session: Session, vault: DetailsVault) -> None:
    add_payee(session, vault, "MORAG", "10000012")
    add_payee(session, vault, "CALUM", "10000039")
    session.execute(
        text("UPDATE programme SET rail = 'faster_payments', rail_reason = 'Emergency grants'")
    )
    schedule_id = set_up(session)
    make_next(session, vault, schedule_id, datetime(2026, 12, 2, 6, 0, tzinfo=LONDON))
    row = session.execute(text("SELECT rail, rail_reason FROM run")).one()
    assert tuple(row) == ("faster_payments", "Emergency grants")


@pytest.mark.committed
def test_two_workers_at_once_make_one_run(database: Database, vault: DetailsVault) -> None:
    with database.transaction() as session:
        add_payees(session, vault)
        schedule_id = set_up(session)
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        with database.transaction() as session:
            make_next(session, vault, schedule_id, DUE)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.transaction() as session:
        assert len(_runs(session)) == 1
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 2
        assert occurrences(session, schedule_id) == [("2026-12-04", "made")]
