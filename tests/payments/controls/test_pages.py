"""The administrator's day: rules by two people, settings, the calendar, holds and the way back."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.runs.rules import ADMINISTRATOR, AUDITOR, RELEASER, ROLE_NAMES
from shared import clock
from shared.actors import Actor
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, ENID, UNA, World, make_waiting_run, staff

Open = Callable[..., Console]
ADA, ANN = staff("Ada", ADMINISTRATOR), staff("Ann", ADMINISTRATOR)
OLGA, RITA = staff("Olga", AUDITOR), staff("Rita", RELEASER)
PAGES = ("controls", "settings", "settings/journal", "holds", "calendar")
FORMS = (
    "controls/rules",
    f"controls/rules/{UUID(int=1)}/confirm",
    "settings/programmes",
    f"settings/programmes/{UUID(int=1)}",
    "settings/cut-offs",
    "settings/step-up",
    "calendar/closing-days",
    f"calendar/closing-days/{UUID(int=1)}/remove",
)


@pytest.fixture
def waiting(database: Database, world: World) -> UUID:
    with database.transaction() as session:
        return make_waiting_run(session, world, "clothing-grant")


@pytest.mark.parametrize("page", PAGES)
def test_the_auditor_reads_every_page(console: Open, page: str) -> None:
    person = console(OLGA)
    html = person.get(f"/payments/{page}")
    assert person.status == 200
    assert "<h1" in html
    assert 'method="post" action="/payments/controls' not in html


@pytest.mark.parametrize("role", [role for role in ROLE_NAMES if role != ADMINISTRATOR])
def test_only_the_administrator_changes(console: Open, database: Database, role: str) -> None:
    person = console(staff("Somebody", role))
    person.get("/payments/choose-body")
    for form in FORMS:
        person.post(f"/payments/{form}", kind="limit", amount="1", reason="x")
        assert person.status == 403
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM control_rule")).scalar_one() == 0


def test_a_limit_by_two_administrators(console: Open) -> None:
    ada, ann = console(ADA), console(ANN)
    ada.get("/payments/controls")
    page = ada.post("/payments/controls/rules", kind="limit", amount="x", measure="run")
    assert ada.status == 422
    assert "Enter an amount in pounds" in page or "Enter a reason" in page
    page = ada.post(
        "/payments/controls/rules",
        kind="limit",
        amount="1000",
        measure="run",
        reason="Agreed by the board",
    )
    assert "Another administrator has to confirm it." in page
    assert "At most £1,000.00 in one run and its file" in page
    rule = page.split("/payments/controls/rules/")[1].split("/")[0]
    ada.post(f"/payments/controls/rules/{rule}/confirm")
    assert ada.status == 403
    page = ann.get("/payments/controls")
    assert "Confirm</button>" in page
    page = ann.post(f"/payments/controls/rules/{rule}/confirm")
    assert "The rule is confirmed" in page
    journal = ann.get("/payments/settings/journal")
    assert "control proposed" in journal
    assert "control live" in journal


def test_an_authority_is_given_to_somebody_who_was_seen(console: Open) -> None:
    console(ALAN).get("/payments/")
    ada = console(ADA)
    assert "Alan" in ada.get("/payments/controls")
    page = ada.post(
        "/payments/controls/rules",
        **{
            "kind": "authority",
            "person": ALAN.id,
            "amount": "500",
            "reason": "Letter",
            "valid_from-day": "1",
            "valid_from-month": "1",
            "valid_from-year": "2027",
            "valid_until-day": "31",
            "valid_until-month": "12",
            "valid_until-year": "2027",
        },
    )
    assert "Alan approves up to £500.00, from 1 January 2027 to 31 December 2027" in page


def test_the_run_says_what_it_needs(console: Open, database: Database, waiting: UUID) -> None:
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO control_rule (id, organisation, kind, pence, approvals, step_up,"
                " state, reason, proposed_by_id, proposed_by_name, proposed_at, decided_by_id)"
                " VALUES (:id, 'strathclachan', 'band', 10000, 2, true, 'live', 'x', 'a', 'A',"
                " now(), 'b')"
            ),
            {"id": UUID(int=9)},
        )
    page = console(ALAN).get(f"/payments/runs/{waiting}")
    assert "This run needs 2 approvals" in page
    assert "the total is over £100.00" in page
    assert "signs in again, with a second factor" in page


def test_who_has_to_sign_in_again_is_led_there_and_back(
    console: Open, database: Database, waiting: UUID
) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE body SET step_up = 'all'"))
    alan = console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    token = alan.hidden("csrf_token")
    answer = alan.client.post(
        f"/payments/runs/{waiting}/approve",
        data={"csrf_token": token, "content": alan.hidden("content")},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/payments/step-up?")
    answer = alan.client.get(answer.headers["location"], follow_redirects=False)
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (asked["max_age"], asked["acr_values"]) == (["0"], ["medium"])
    with database.transaction() as session:
        back = session.execute(text("SELECT return_to FROM login_attempt")).scalar_one()
        assert back == f"/payments/runs/{waiting}"
        assert session.execute(text("SELECT count(*) FROM run_approval")).scalar_one() == 0


def test_a_fresh_sign_in_with_two_factors_approves(
    console: Open, database: Database, waiting: UUID
) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE body SET step_up = 'all'"))
    alan = console(ALAN, auth_time=int(clock.now().timestamp()), amr=["pwd", "otp"])
    alan.get(f"/payments/runs/{waiting}")
    page = alan.post(f"/payments/runs/{waiting}/approve", content=alan.hidden("content"))
    assert "You approved the run." in page


def test_a_foreign_way_back_is_not_followed(console: Open, database: Database) -> None:
    alan = console(ALAN)
    alan.client.get("/payments/step-up?return_to=https://elsewhere.test/", follow_redirects=False)
    with database.transaction() as session:
        back = session.execute(text("SELECT return_to FROM login_attempt")).scalar_one()
    assert back == "/payments/"


def test_a_programme_is_changed_and_the_journal_says_how(console: Open, database: Database) -> None:
    ada = console(ADA)
    ada.get("/payments/settings")
    with database.transaction() as session:
        programme = session.execute(
            text(
                "SELECT id FROM programme WHERE slug = 'big-grant'"
                " AND organisation = 'strathclachan'"
            )
        ).scalar_one()
    form = {
        "name": "Bigger grant",
        "kind": "suppliers",
        "release": "on_schedule",
        "approvals_needed": "3",
        "rail": "bacs",
        "gl_code": "4711",
    }
    page = ada.post(f"/payments/settings/programmes/{programme}", **form)
    assert "The settings are saved." in page
    assert "Bigger grant" in page
    assert "approvals needed: 2 → 3" in ada.get("/payments/settings/journal").replace("_", " ")
    ada.get("/payments/settings")
    page = ada.post(
        f"/payments/settings/programmes/{programme}", **form | {"approvals_needed": "1"}
    )
    assert ada.status == 409
    assert "only grows here" in page


def test_a_programme_is_opened(console: Open) -> None:
    ada = console(ADA)
    ada.get("/payments/settings")
    form = {"name": "Suppliers", "kind": "suppliers", "release": "by_hand"}
    more = {"approvals_needed": "2", "rail": "bacs", "gl_code": ""}
    for slug, status in (("No Capitals", 422), ("suppliers", 200), ("suppliers", 422)):
        ada.post("/payments/settings/programmes", slug=slug, **form, **more)
        assert ada.status == status


def test_a_cut_off_and_a_closing_day(console: Open) -> None:
    ada = console(ADA)
    ada.get("/payments/settings")
    ada.post("/payments/settings/cut-offs", rail="bacs", at="half past")
    assert ada.status == 422
    assert "21:15" in ada.post("/payments/settings/cut-offs", rail="bacs", at="21:15")
    day = clock.now().date() + timedelta(days=3)
    parts = {"day-day": str(day.day), "day-month": str(day.month), "day-year": str(day.year)}
    ada.get("/payments/calendar")
    page = ada.post("/payments/calendar/closing-days", reason="Office move", **parts)
    assert "Office move" in page
    closing = page.split("/payments/calendar/closing-days/")[1].split("/")[0]
    page = ada.post(f"/payments/calendar/closing-days/{closing}/remove")
    assert "The closing day is taken back." in page


def test_the_calendar_names_holidays(console: Open) -> None:
    page = console(ENID).get("/payments/calendar?month=2026-12")
    assert "Christmas Day" in page
    assert "Holiday in Scotland:" in page
    assert console(ENID).get("/payments/calendar?month=nonsense")


@pytest.mark.parametrize("actor", [RITA, ALAN], ids=["releaser", "approver"])
def test_a_run_is_held_and_let_go_again(console: Open, waiting: UUID, actor: Actor) -> None:
    person = console(actor)
    person.get(f"/payments/runs/{waiting}")
    day = clock.now().date() + timedelta(days=7)
    parts = {
        "review_on-day": str(day.day),
        "review_on-month": str(day.month),
        "review_on-year": str(day.year),
    }
    page = person.post(
        "/payments/holds", level="run", run=str(waiting), reason="Fraud?", owner="Team", **parts
    )
    assert "Fraud?" in page
    assert "Approve</button>" not in page
    page = person.get("/payments/holds")
    hold = page.split("/payments/holds/")[1].split("/")[0]
    page = person.post(f"/payments/holds/{hold}/lift", reason="Cleared")
    assert "The hold is lifted." in page
    assert "Nobody holds anything." in page


def test_a_hold_without_an_owner_is_refused(console: Open) -> None:
    rita = console(RITA)
    rita.get("/payments/holds")
    page = rita.post("/payments/holds", level="body", reason="Everything stops", owner="")
    assert rita.status == 422
    assert "Enter who looks after it" in page


def test_a_run_is_recalled_on_its_page(console: Open, waiting: UUID) -> None:
    alan, rita = console(ALAN), console(RITA)
    alan.get(f"/payments/runs/{waiting}")
    alan.post(f"/payments/runs/{waiting}/approve", content=alan.hidden("content"))
    page = rita.get(f"/payments/runs/{waiting}")
    assert "Recall the run</button>" in page
    page = rita.post(f"/payments/runs/{waiting}/recall", recall_reason="Wrong month")
    assert "The run was recalled." in page
    assert "Recall the run</button>" not in page


def test_the_uploader_chooses_the_day(console: Open, database: Database, world: World) -> None:
    with database.transaction() as session:
        run_id = world.create(session).run_id
    una = console(UNA)
    una.get(f"/payments/runs/{run_id}")
    day = clock.now().date() + timedelta(days=30)
    parts = {
        "entry_on-day": str(day.day),
        "entry_on-month": str(day.month),
        "entry_on-year": str(day.year),
    }
    assert "The day of payment is set." in una.post(f"/payments/runs/{run_id}/entry-day", **parts)
    page = una.post(f"/payments/runs/{run_id}/entry-day", **parts | {"entry_on-day": "32"})
    assert una.status == 422
    assert "Enter a real day" in page
