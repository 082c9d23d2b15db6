"""The days of a run: shifts with their reasons, cut-offs, closing days, and release on the day."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.actions.settings import close_on, open_on, set_cut_off
from payments.controls.days import make_plan
from payments.controls.queries.days import list_closing_days, plan_run
from payments.runs.actions.approve import approve, put_forward
from payments.runs.actions.schedule import release_scheduled, set_entry_day
from payments.runs.queries.runs import get_run
from payments.runs.rules import ADMINISTRATOR
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, UNA, World, staff

ADA = staff("Ada", ADMINISTRATOR)
TUESDAY = NOW  # 24 November 2026, 10 in the morning


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "cut_off", "days"),
    [
        (at(24, 10), time(22, 30), (24, 25, 26)),
        (at(24, 22, 30), time(22, 30), (24, 25, 26)),
        (at(24, 22, 31), time(22, 30), (25, 26, 27)),
        (at(24, 23, 59), None, (24, 25, 26)),
        (at(27, 23), time(22, 30), (30, 1, 2)),
        (at(28, 10), time(22, 30), (30, 1, 2)),
    ],
    ids=["morning", "cut-off", "after it", "no cut-off", "friday night", "saturday"],
)
def test_the_soonest_days(now: datetime, cut_off: time | None, days: tuple[int, ...]) -> None:
    plan = make_plan(now, None, "earlier", (), cut_off)
    found = (plan.input_day.day, plan.processing_day.day, plan.entry_day.day)
    assert found == days
    assert bool(plan.reasons) is (plan.input_day != now.date())


@pytest.mark.parametrize(
    ("wanted", "direction", "entry", "input_day", "reason"),
    [
        (date(2026, 12, 4), "earlier", date(2026, 12, 4), date(2026, 12, 2), ""),
        (date(2026, 12, 5), "earlier", date(2026, 12, 4), date(2026, 12, 2), "Saturday"),
        (date(2026, 12, 5), "later", date(2026, 12, 7), date(2026, 12, 3), "Sunday"),
        (date(2026, 12, 25), "earlier", date(2026, 12, 24), date(2026, 12, 22), "Christmas Day"),
        (date(2026, 12, 28), "later", date(2026, 12, 29), date(2026, 12, 23), "Boxing Day"),
    ],
)
def test_a_wanted_day_moves_with_its_reason(
    wanted: date, direction: str, entry: date, input_day: date, reason: str
) -> None:
    plan = make_plan(TUESDAY, wanted, direction)  # type: ignore[arg-type]  # a double, or a value that the test chose
    assert (plan.entry_day, plan.input_day) == (entry, input_day)
    assert reason in "; ".join(plan.reasons)
    assert not plan.is_late


def test_scottish_holidays_are_named_and_do_not_stop() -> None:
    plan = make_plan(TUESDAY, date(2026, 11, 30), "earlier")
    assert plan.entry_day == date(2026, 11, 30)
    assert plan.scottish_holiday
    assert plan.reasons == ()


def test_a_day_that_can_no_longer_be_reached_is_late() -> None:
    plan = make_plan(TUESDAY, date(2026, 11, 25), "earlier")
    assert plan.is_late
    assert plan.entry_day == date(2026, 11, 26)
    assert "23 November 2026" in plan.reasons[0]


def test_a_closing_day_moves_the_input() -> None:
    closed = {date(2026, 12, 2)}
    plan = make_plan(TUESDAY, date(2026, 12, 4), "earlier", closed)
    assert plan.input_day == date(2026, 12, 1)
    assert plan.entry_day == date(2026, 12, 4)
    soon = make_plan(TUESDAY, None, "earlier", {TUESDAY.date()})
    assert soon.input_day == date(2026, 11, 25)
    assert "closing day" in soon.reasons[0]


# Kept settings.


def test_closing_days_and_cut_offs_are_the_administrators(session: Session, world: World) -> None:
    run = get_run(session, BODY, UUID(world.create(session).run_id))
    with pytest.raises(Forbidden):
        close_on(session, TUESDAY.date(), "Office is shut", UNA, NOW)
    close_on(session, TUESDAY.date(), "Office is shut", ADA, NOW)
    with pytest.raises(Conflict):
        close_on(session, TUESDAY.date(), "Again", ADA, NOW)
    with pytest.raises(Invalid):
        close_on(session, TUESDAY.date() - timedelta(days=1), "Too late", ADA, NOW)
    assert plan_run(session, run, NOW).input_day == date(2026, 11, 25)
    (closing,) = list_closing_days(session, BODY, TUESDAY.date())
    assert (closing.reason, closing.set_by_name) == ("Office is shut", "Ada")
    open_on(session, closing.id, ADA, NOW)
    with pytest.raises(NotFound):
        open_on(session, closing.id, ADA, NOW)
    assert plan_run(session, run, NOW).input_day == TUESDAY.date()
    set_cut_off(session, "bacs", time(9, 0), ADA, NOW)
    assert plan_run(session, run, NOW).input_day == date(2026, 11, 25)
    with pytest.raises(Invalid):
        set_cut_off(session, "pigeon", None, ADA, NOW)


# Runs with a wanted day.


def test_only_the_uploader_sets_the_day_before_the_run_is_put_forward(
    session: Session, world: World
) -> None:
    run_id = UUID(world.create(session).run_id)
    with pytest.raises(Forbidden):
        set_entry_day(session, run_id, date(2026, 12, 4), ENID, NOW)
    for day in (date(2026, 11, 23), date(2028, 1, 3)):
        with pytest.raises(Invalid):
            set_entry_day(session, run_id, day, UNA, NOW)
    set_entry_day(session, run_id, date(2026, 12, 4), UNA, NOW)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    with pytest.raises(Conflict):
        set_entry_day(session, run_id, date(2026, 12, 7), UNA, NOW)


def _approved_for(session: Session, world: World, day: date) -> UUID:
    run_id = UUID(world.create(session).run_id)
    set_entry_day(session, run_id, day, UNA, NOW)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    return run_id


def test_an_approved_run_waits_for_its_input_day(session: Session, world: World) -> None:
    run_id = _approved_for(session, world, date(2026, 12, 4))
    assert world.run_state(session, run_id) == "approved"
    due = session.execute(
        text(
            "SELECT due_at AT TIME ZONE 'Europe/London' FROM outbox"
            " WHERE topic = 'payments.runs.release_scheduled'"
        )
    ).scalar_one()
    assert due == datetime(2026, 12, 2, 6, 0)  # noqa: DTZ001 - what the database answers
    early = datetime(2026, 12, 1, 10, tzinfo=UTC)
    release_scheduled(session, BODY, run_id, 1, early)
    assert world.run_state(session, run_id) == "approved"
    morning = datetime(2026, 12, 2, 6, 0, 1, tzinfo=UTC)
    release_scheduled(session, BODY, run_id, 2, morning)
    assert world.run_state(session, run_id) == "approved", "another round is another approval"
    release_scheduled(session, BODY, run_id, 1, morning)
    assert world.run_state(session, run_id) == "released"
    assert get_run(session, BODY, run_id).processing_date == date(2026, 12, 3)
    release_scheduled(session, BODY, run_id, 1, morning)
    submissions = session.execute(text("SELECT count(*) FROM submission"))
    assert submissions.scalar_one() == 1


def test_a_day_that_is_today_is_released_at_once(session: Session, world: World) -> None:
    run_id = _approved_for(session, world, date(2026, 11, 26))
    assert world.run_state(session, run_id) == "released"
