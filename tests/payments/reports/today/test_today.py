"""The day's page: what waits for whom, what went out, how old the holds are."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.charts import Point, draw_bars
from payments.reports.today.presenting import present_days, present_picture
from payments.reports.today.queries import count_holds, list_days_out
from payments.runs.access import Staff
from payments.runs.actions.approve import approve
from payments.runs.rules import ADMINISTRATOR, AUDITOR, ENQUIRY, RECONCILER, RELEASER
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, BODY, NOW, UNA, World, make_waiting_run, staff

Open = Callable[..., Console]
UNA_AT_WORK = Staff(UNA.id, UNA.name, BODY, UNA.roles, (BODY,))


@given(st.lists(st.integers(min_value=0, max_value=10**13), max_size=40))
def test_bars_stay_inside_the_chart_and_the_highest_fills_it(values: list[int]) -> None:
    chart = draw_bars([Point(str(n), value, str(value)) for n, value in enumerate(values)])
    for bar, value in zip(chart.bars, values, strict=True):
        assert 0 <= bar.y <= 100
        assert bar.y + bar.height == pytest.approx(100, abs=0.02)
        assert bar.x >= 0
        assert bar.x + bar.width <= chart.width
        assert (bar.height > 0) is (value > 0)
    assert chart.is_empty is (max(values, default=0) == 0)
    if not chart.is_empty:
        assert max(bar.height for bar in chart.bars) == pytest.approx(100, abs=0.02)


def test_what_went_out_is_told_by_processing_day(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    ids = session.execute(text("SELECT id FROM payment ORDER BY id")).scalars().all()
    session.execute(text("UPDATE payment SET state = 'submitted'"))
    session.execute(text("UPDATE payment SET state = 'returned' WHERE id = :id"), {"id": ids[0]})
    tomorrow = NOW.date() + timedelta(days=1)
    session.execute(text("UPDATE run SET processing_date = :day"), {"day": tomorrow})
    days = list_days_out(session, BODY, NOW.date())
    assert [day.day for day in days] == [
        NOW.date() + timedelta(days=number) for number in range(-29, 5)
    ]
    (sent,) = [day for day in days if day.payments]
    assert sent.day == tomorrow
    assert (sent.payments, sent.pence, sent.returned) == (2, 60_000, 1)
    assert sum(day.payments for day in list_days_out(session, "glenmore", NOW.date())) == 0


def test_holds_are_aged(session: Session, world: World) -> None:
    for _ in range(3):
        world.create(session, check_id=None)
    world.create(session)
    ids = session.execute(text("SELECT id FROM payment ORDER BY id")).scalars().all()
    for id_, days in zip(ids[:2], (8, 31), strict=True):
        session.execute(
            text("UPDATE payment SET state_at = :at WHERE id = :id"),
            {"id": id_, "at": NOW - timedelta(days=days)},
        )
    holds = count_holds(session, BODY, NOW)
    assert (holds.payments, holds.pence) == (3, 90_000)
    assert (holds.older_than_week, holds.older_than_month) == (2, 1)
    assert holds.oldest == NOW - timedelta(days=31)


def test_each_person_sees_what_waits_for_them(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        make_waiting_run(session, world)
        world.create(session, programme="clothing-grant")
    expected = {
        "approver": (ALAN, True, False),
        "uploader": (UNA, False, True),
        "releaser": (staff("Rea", RELEASER), False, False),
        "reconciler": (staff("Rory", RECONCILER), False, False),
        "enquiry": (staff("Enid", ENQUIRY), False, False),
        "administrator": (staff("Ada", ADMINISTRATOR), False, False),
        "auditor": (staff("Audrey", AUDITOR), True, True),
    }
    for name, (actor, approves, puts_forward) in expected.items():
        page = console(actor).get("/payments/")
        assert ("Runs to approve" in page) is approves, name
        assert ("Runs to put forward" in page) is puts_forward, name
        assert ("Nothing waits for you now." in page) is not (approves or puts_forward), name


def test_the_chart_is_drawn_and_told_as_a_table(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        run_id = make_waiting_run(session, world)
        session.execute(text("UPDATE payment SET state = 'submitted'"))
        session.execute(
            text("UPDATE run SET processing_date = current_date WHERE id = :id"), {"id": run_id}
        )
    page = console(UNA).get("/payments/")
    assert page.count("<rect") >= 30
    assert 'role="img"' in page
    assert "The same as a table" in page
    assert page.count("£600.00") >= 3
    assert "0 came back: 0.00 %" in page


@pytest.mark.parametrize(
    ("hour", "day", "left"), [(10, date(2026, 11, 24), "12:30"), (23, date(2026, 11, 25), "")]
)
def test_the_time_until_the_cut_off_is_told(
    session: Session, hour: int, day: date, left: str
) -> None:
    now = NOW.replace(hour=hour)
    found = present_picture(session, UNA_AT_WORK, now)["cut_off"]
    assert (found["day"], found["until"], found["left"]) == (day, "22:30", left)


def test_days_of_bacs_are_told_and_an_unknown_year_is_passed_over() -> None:
    friday = present_days(date(2026, 11, 27))
    assert friday["works_today"] is True
    assert friday["next"] == date(2026, 11, 30)
    assert friday["arrives"] == date(2026, 12, 1)
    assert present_days(date(2026, 11, 30))["scottish"] == "St Andrew’s Day"
    assert present_days(date(2026, 11, 29))["why_closed"] == "Sunday"
    assert present_days(date(2199, 1, 1)) == {}
