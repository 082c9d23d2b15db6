"""The screening pages as an approver sees them."""

from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette

from payments.runs.rules import ADMINISTRATOR, AUDITOR
from payments.settings import PaymentsSettings
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import Console, consoles, running_app
from tests.payments.runs.world import ALAN, ENID, OTHER, UNA, staff
from tests.payments.screening.lists import load
from tests.payments.uploads.world import Uploads

BAD = ("990001", "10000012", "Boris Villainov", "40.00", "GRANT-BORIS")
AUDREY = staff("Audrey", AUDITOR)
ADA = staff("Ada", ADMINISTRATOR)


@pytest.fixture
def app(database: Database, settings: PaymentsSettings) -> Iterator[Starlette]:
    with running_app(settings) as made:
        yield made


@pytest.fixture
def console(app: Starlette, database: Database, sealer: Sealer) -> Iterator[Callable[..., Console]]:
    with consoles(app, database, sealer) as opened:
        yield opened


def held(uploads: Uploads) -> str:
    """Return the path of the case of a payment that is possibly for a listed person."""
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    with uploads.database.transaction() as session:
        found = session.connection().exec_driver_sql("SELECT id FROM screening_case").scalar_one()
    return f"/payments/screening/{found}"


def test_without_a_list_the_page_warns(console: Callable[..., Console]) -> None:
    page = console(ALAN).get("/payments/screening")
    assert "No sanctions list is loaded" in page
    assert "There is nothing to decide" in page


@pytest.mark.parametrize("person", [ALAN, ADA], ids=["approver", "administrator"])
def test_a_case_is_cleared(
    console: Callable[..., Console], uploads: Uploads, person: Actor
) -> None:
    here = held(uploads)
    one = console(person)
    assert "Boris Villainov" in one.get("/payments/screening")
    page = one.get(here)
    assert "VILLAINOV" in page
    assert "ZZZ0001" in page
    assert "Do not tell the payee" in page
    one.post(here, decision="", reason="x")
    assert (one.status, "Error:" in one.html) == (422, True)
    one.post(here, decision="clear", reason="")
    assert (one.status, 'href="#reason"' in one.html) == (422, True)
    one.post(here, decision="clear", reason="Another date of birth")
    assert "The possible match was cleared" in one.html
    assert [row[1] for row in uploads.payments()] == ["ready"]
    one.post(here, decision="confirm", reason="Too late")
    assert one.status in {403, 409}
    assert [row[1] for row in uploads.payments()] == ["ready"]


def test_a_case_is_stopped(console: Callable[..., Console], uploads: Uploads) -> None:
    here = held(uploads)
    alan = console(ALAN)
    alan.get(here)
    alan.post(here, decision="confirm", reason="Same date of birth")
    assert "The payment is stopped" in alan.html
    assert uploads.payments("hold_code") == [("confirmed_match",)]


def test_the_auditor_looks_and_does_not_act(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    here = held(uploads)
    audrey = console(AUDREY)
    assert "Boris Villainov" in audrey.get(here)
    assert 'name="decision"' not in audrey.html
    audrey.post(here, decision="clear", reason="No")
    assert audrey.status == 403
    assert uploads.payments("hold_code") == [("possible_match",)]


def test_who_sent_the_file_cannot_decide(console: Callable[..., Console], uploads: Uploads) -> None:
    here = held(uploads)
    una = console(staff("Una", *UNA.roles, *ALAN.roles))
    assert "Somebody else has to decide this" in una.get(here)
    una.post(here, decision="clear", reason="It is fine")
    assert una.status == 403
    assert uploads.payments("hold_code") == [("possible_match",)]


@pytest.mark.parametrize("person", [UNA, ENID], ids=["uploader", "enquiry"])
def test_others_do_not_see_cases(
    console: Callable[..., Console], uploads: Uploads, person: Actor
) -> None:
    here = held(uploads)
    one = console(person)
    for path in ("/payments/screening", here):
        one.get(path)
        assert one.status == 403


def test_another_body_does_not_see_the_case(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    here = held(uploads)
    other = console(OTHER)
    other.get(here)
    assert other.status == 404
    assert "Boris" not in other.get("/payments/screening")


def _ask_everybody(uploads: Uploads) -> None:
    with uploads.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE payments.body SET step_up = 'all'")


def test_a_decision_asks_for_a_fresh_sign_in(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    here = held(uploads)
    _ask_everybody(uploads)
    alan = console(ALAN)
    alan.get(here)
    form = {"decision": "clear", "reason": "x", "csrf_token": alan.hidden("csrf_token")}
    answer = alan.client.post(here, data=form, follow_redirects=False)
    assert answer.headers["location"].startswith("/payments/step-up?return_to=")
    assert uploads.payments("hold_code") == [("possible_match",)]
    fresh = console(ALAN, auth_time=int(clock.now().timestamp()), amr=["pwd", "otp"])
    fresh.get(here)
    fresh.post(here, decision="clear", reason="Another date of birth")
    assert "The possible match was cleared" in fresh.html
