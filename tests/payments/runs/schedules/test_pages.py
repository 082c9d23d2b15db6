"""Schedules at the console: set up with a preview, changed by two people, stopped and looked at."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.payees.bank_details import DetailsVault
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, ROLE_NAMES, SEES_RUNS, UPLOADER
from payments.runs.schedules.actions.set_up import set_up_schedule
from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.schedules.payees import WEEKLY, add_payees
from tests.payments.runs.world import ALAN, OTHER, UNA, staff

Open = Callable[..., Console]
ADA, OLGA = staff("Ada", ADMINISTRATOR), staff("Olga", AUDITOR)
UMA = staff("Uma", UPLOADER)
TEXT = "MORAG, 120.00, ALLOWANCE M\nCALUM, 80.50, ALLOWANCE C"
SOME = UUID(int=1)
_STEPS: dict[str, tuple[str, ...]] = {
    "new": (UPLOADER,),
    f"{SOME}/pause": (UPLOADER, ADMINISTRATOR),
    f"{SOME}/resume": (UPLOADER, ADMINISTRATOR),
    f"{SOME}/end": (UPLOADER, ADMINISTRATOR),
    f"{SOME}/skip": (UPLOADER,),
    f"{SOME}/make-missed": (UPLOADER,),
    f"{SOME}/change": (UPLOADER,),
    f"{SOME}/versions/{SOME}/confirm": (UPLOADER, APPROVER),
    f"{SOME}/versions/{SOME}/refuse": (UPLOADER, APPROVER),
}


def _first_day() -> date:
    return clock.now().date() + timedelta(days=30)


def _form(**changes: str) -> dict[str, str]:
    day = _first_day()
    form = {
        "name": "Weekly allowance",
        "programme": "winter-heating",
        "frequency": "weekly",
        "month_day": "",
        "starts_on-day": str(day.day),
        "starts_on-month": str(day.month),
        "starts_on-year": str(day.year),
        "most": "60",
        "days_ahead": "2",
        "payments": TEXT,
    }
    return form | changes


def _change(**changes: str) -> dict[str, str]:
    day = _first_day() + timedelta(days=7)
    form = {
        "from_on-day": str(day.day),
        "from_on-month": str(day.month),
        "from_on-year": str(day.year),
        "payments": "MORAG, 130.00, ALLOWANCE M",
        "reason": "Uprated",
    }
    return form | changes


@pytest.fixture
def payees(database: Database, vault: DetailsVault) -> None:
    with database.transaction() as session:
        add_payees(session, vault)


@pytest.fixture
def path(database: Database, payees: None) -> str:
    now = clock.now()
    wanted = WEEKLY.__class__(**{**WEEKLY.__dict__, "starts_on": _first_day()})
    with database.transaction() as session:
        return f"/payments/schedules/{set_up_schedule(session, wanted, UNA, now)}"


def _state(database: Database) -> list[object]:
    with database.transaction() as session:
        return [
            session.execute(
                text(
                    f"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t::text), '[]') FROM {name} t"
                )
            ).scalar_one()
            for name in (
                *("schedule", "schedule_version", "schedule_payment", "schedule_occurrence"),
                *("schedule_event", "run", "payment", "audit_event"),
            )
        ]


@pytest.mark.parametrize("role", list(ROLE_NAMES))
def test_who_comes_where(console: Open, database: Database, role: str) -> None:
    person = console(staff("Somebody", role))
    sees = role in (*SEES_RUNS, ADMINISTRATOR)
    person.get("/payments/schedules")
    assert person.status == (200 if sees else 403)
    person.get(f"/payments/schedules/{SOME}")
    assert person.status == (404 if sees else 403)
    for page in ("new", f"{SOME}/change"):
        person.get(f"/payments/schedules/{page}")
        assert (person.status == 403) == (role != UPLOADER)
    before = _state(database)
    person.get("/payments/choose-body")
    for step, roles in _STEPS.items():
        person.post(f"/payments/schedules/{step}", reason="x")
        assert (person.status == 403) == (role not in roles), step
    assert _state(database) == before


def test_it_is_previewed_then_set_up(console: Open, database: Database, payees: None) -> None:
    una = console(UNA)
    assert "There is no schedule yet." in una.get("/payments/schedules")
    una.get("/payments/schedules/new")
    before = _state(database)
    page = una.post("/payments/schedules/new", step="preview", **_form())
    assert una.status == 200
    assert page.count('<th scope="row"') == 12
    assert "2 payments, £200.50" in page
    assert _state(database) == before
    page = una.post("/payments/schedules/new", step="save", **_form())
    assert "The schedule is set up." in page
    assert "Morag Fictional" in page
    assert "••••0012" in page
    assert "10000012" not in page
    page = una.get("/payments/schedules?q=allowance&state=active")
    assert "1 schedule" in page
    assert "There are no such schedules." in una.get("/payments/schedules?q=nothing")
    glen = console(OTHER)
    assert "There is no schedule yet." in glen.get("/payments/schedules")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "Enter a name"),
        ({"programme": "none"}, "Select a programme"),
        ({"frequency": ""}, "Select how often"),
        ({"frequency": "monthly", "month_day": "32"}, "Enter a day of the month"),
        ({"starts_on-year": "2020"}, "Enter a day from today on"),
        ({"starts_on-day": "77"}, "Enter a real day"),
        ({"most": "x"}, "Enter how many times"),
        ({"days_ahead": "21"}, "Enter a number of days"),
        ({"payments": "NOBODY, 1.00, X"}, "No payee in force has the reference NOBODY"),
        ({"payments": "MORAG; 1"}, "Line 1, column 1"),
    ],
    ids=[
        *("name", "programme", "frequency", "month day", "past", "no day", "count", "ahead"),
        *("payee", "line"),
    ],
)
def test_a_schedule_at_fault_saves_nothing(
    console: Open, database: Database, payees: None, change: dict[str, str], says: str
) -> None:
    una = console(UNA)
    una.get("/payments/schedules/new")
    before = _state(database)
    page = una.post("/payments/schedules/new", step="save", **_form(**change))
    assert una.status == 422
    assert says in page
    assert "Error:" in page
    assert _state(database) == before


def test_a_change_by_two_people(console: Open, database: Database, path: str) -> None:
    una, uma, alan = console(UNA), console(UMA), console(ALAN)
    assert "MORAG, 120.00, ALLOWANCE M" in una.get(f"{path}/change")
    una.post(f"{path}/change", **_change(reason=""))
    assert una.status == 422
    page = una.post(f"{path}/change", **_change())
    assert "Another person has to confirm it." in page
    version = page.split(f"{path}/versions/")[1].split("/")[0]
    before = _state(database)
    una.post(f"{path}/versions/{version}/confirm")
    assert una.status == 403
    una.post(f"{path}/versions/{version}/maybe")
    assert una.status == 404
    assert _state(database) == before
    uma.get(path)
    uma.post(f"{path}/change", **_change(reason="Another"))
    assert uma.status == 409
    alan.get(path)
    assert "The change is confirmed." in alan.post(f"{path}/versions/{version}/confirm")
    alan.post(f"{path}/versions/{version}/confirm")
    assert alan.status == 409


def test_a_refused_change_changes_nothing(console: Open, database: Database, path: str) -> None:
    una = console(UNA)
    una.get(f"{path}/change")
    page = una.post(f"{path}/change", **_change())
    version = page.split(f"{path}/versions/")[1].split("/")[0]
    page = una.post(f"{path}/versions/{version}/refuse")
    assert "The change is refused." in page
    assert "2 payments, £200.50" in page
    same = _change(payments=TEXT, reason="Nothing new")
    assert "That is what the schedule pays already" in una.post(f"{path}/change", **same)


def test_pause_resume_skip_and_end(console: Open, database: Database, path: str) -> None:
    una, ada, olga = console(UNA), console(ADA), console(OLGA)
    ada.get(path)
    ada.post(f"{path}/pause", reason="")
    assert ada.status == 422
    assert "The schedule is paused." in ada.post(f"{path}/pause", reason="Budget")
    ada.post(f"{path}/pause", reason="Budget")
    assert ada.status == 409
    assert "makes runs again" in ada.post(f"{path}/resume")
    ada.post(f"{path}/resume")
    assert ada.status == 409
    una.get(path)
    day = _first_day() + timedelta(days=14)
    page = una.post(f"{path}/skip", day=day.isoformat(), reason="Holiday")
    assert "The day is left out." in page
    una.post(f"{path}/skip", day=day.isoformat(), reason="Holiday")
    assert una.status == 409
    una.post(f"{path}/skip", day=(day + timedelta(days=1)).isoformat(), reason="Holiday")
    assert una.status == 422
    una.post(f"{path}/make-missed", day=day.isoformat(), reason="x")
    assert una.status == 409
    page = olga.get(path)
    assert "Leave one day out" not in page
    assert "A day was left out" in page
    assert "The schedule has ended." in una.post(f"{path}/end", reason="Grant ended")
    before = _state(database)
    for step in ("pause", "resume", "end", "skip"):
        una.post(f"{path}/{step}", reason="x", day=day.isoformat())
        assert una.status == 409
    assert _state(database) == before
    stranger = console(OTHER)
    stranger.get("/payments/schedules")
    stranger.post(f"{path}/pause", reason="x")
    assert stranger.status == 404
