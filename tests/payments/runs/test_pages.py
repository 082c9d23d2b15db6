"""The finance day through the real web app, by people with one role each."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.payees.provider import NameAnswer, NameQuestion
from payments.runs.rules import CONFIRMATION_OF_PAYEE
from shared.actors import Actor
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import (
    ALAN,
    BODY,
    BOTH,
    ENID,
    OTHER,
    UNA,
    World,
    make_waiting_run,
    staff,
)

Open = Callable[..., Console]
CHECKER = staff("Cora", CONFIRMATION_OF_PAYEE)
PAGES = ("/payments/", "/payments/runs", "/payments/search?q=SWH")


@pytest.fixture
def waiting(database: Database, world: World) -> UUID:
    with database.transaction() as session:
        return make_waiting_run(session, world)


@pytest.fixture
def payment_id(database: Database, waiting: UUID) -> str:
    with database.transaction() as session:
        return session.execute(
            text("SELECT public_id FROM payment WHERE run_id = :run ORDER BY id LIMIT 1"),
            {"run": waiting},
        ).scalar_one()


def test_nobody_sees_anything_without_signing_in(app: object, console: Open) -> None:
    visitor = console(UNA)
    visitor.client.cookies.clear()
    for page in PAGES:
        answer = visitor.client.get(page, follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/payments/sign-in?return_to=")


def test_somebody_without_a_role_in_payments_is_refused(console: Open) -> None:
    page = console(staff("Nell")).get("/payments/")
    assert "You do not have a role in payments" in page


@pytest.mark.parametrize("actor", [UNA, ALAN, ENID], ids=lambda actor: actor.name)
def test_the_pages_of_each_role(console: Open, waiting: UUID, actor: Actor) -> None:
    person = console(actor)
    for page in PAGES:
        person.get(page)
        assert person.status == 200
    page = person.get(f"/payments/runs/{waiting}")
    assert ("Put forward for approval</button>" in page) is False
    assert ("Approve</button>" in page) == (actor is ALAN)


def test_who_checks_names_only_comes_to_that_form(console: Open, waiting: UUID) -> None:
    person = console(CHECKER)
    assert "Account holder name" in person.get("/payments/")
    person.get("/payments/runs")
    assert person.status == 403
    assert "/payments/runs" not in person.get("/payments/confirmation-of-payee")


def test_another_body_sees_nothing(console: Open, waiting: UUID, payment_id: str) -> None:
    person = console(OTHER)
    for page in (f"/payments/runs/{waiting}", f"/payments/payments/{payment_id}"):
        person.get(page)
        assert person.status == 404
    assert "0 runs" in person.get("/payments/runs")
    assert "0 payments found" in person.get("/payments/search?q=SWH")


def test_a_day_of_two_people(console: Open, database: Database, world: World) -> None:
    with database.transaction() as session:
        run_id = world.create(session).run_id
    una, alan = console(UNA), console(ALAN)
    una.get(f"/payments/runs/{run_id}")
    page = una.post(f"/payments/runs/{run_id}/put-forward")
    assert "The run was put forward for approval." in page
    assert "Approve</button>" not in page
    alan.get(f"/payments/runs/{run_id}")
    page = alan.post(f"/payments/runs/{run_id}/approve", content=alan.hidden("content"))
    assert "You approved the run." in page
    assert "Approved, on its way to the bank" in page


def test_a_person_with_both_roles_is_told_to_fetch_another(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        run_id = world.create(session).run_id
    both = console(BOTH)
    both.get(f"/payments/runs/{run_id}")
    page = both.post(f"/payments/runs/{run_id}/put-forward")
    assert "Another person has to approve this run" in page
    assert "Approve</button>" not in page
    with database.transaction() as session:
        digest = world.run_hash(session, run_id).hex()
        before = world.snapshot(session)
    page = both.post(f"/payments/runs/{run_id}/approve", content=digest)
    assert both.status == 403
    assert "Nobody can do both" in page
    with database.transaction() as session:
        assert world.snapshot(session) == before


def test_approving_twice_says_so(console: Open, database: Database, waiting: UUID) -> None:
    alan = console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    content, open_page = alan.hidden("content"), alan.html
    alan.post(f"/payments/runs/{waiting}/approve", content=content)
    assert alan.status == 200
    alan.html = open_page
    page = alan.post(f"/payments/runs/{waiting}/approve", content=content)
    assert alan.status == 409
    assert "is approved and on its way to the bank" in page
    assert "Nothing was changed." in page
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM run_approval")).scalar_one() == 1


def test_a_page_that_is_out_of_date_approves_nothing(
    console: Open, database: Database, world: World, waiting: UUID, payment_id: str
) -> None:
    una, alan = console(UNA), console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    content, stale = alan.hidden("content"), alan.html
    una.get(f"/payments/payments/{payment_id}")
    una.post(f"/payments/payments/{payment_id}/remove", reason="Not entitled")
    una.get(f"/payments/runs/{waiting}")
    una.post(f"/payments/runs/{waiting}/put-forward")
    alan.html = stale
    page = alan.post(f"/payments/runs/{waiting}/approve", content=content)
    assert alan.status == 409
    assert "The run changed after you opened it" in page
    with database.transaction() as session:
        assert world.run_state(session, waiting) == "awaiting_approval"


def test_forms_without_their_token_change_nothing(
    console: Open, database: Database, world: World, waiting: UUID
) -> None:
    alan = console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    content = alan.hidden("content")
    alan.html = ""
    alan.post(f"/payments/runs/{waiting}/approve", content=content)
    assert alan.status == 403
    with database.transaction() as session:
        assert world.run_state(session, waiting) == "awaiting_approval"


def test_rejecting_needs_a_reason_and_sends_back(
    console: Open, database: Database, world: World, waiting: UUID
) -> None:
    alan = console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    page = alan.post(f"/payments/runs/{waiting}/reject", reason="")
    assert alan.status == 422
    assert "Enter a reason" in page
    assert "<title>Error:" in page
    page = alan.post(f"/payments/runs/{waiting}/reject", reason="Wrong amounts <script>")
    assert "Wrong amounts &lt;script&gt;" in page
    with database.transaction() as session:
        assert world.run_state(session, waiting) == "correcting"


def test_a_payment_is_corrected_and_its_run_sent_back(
    console: Open, database: Database, world: World, waiting: UUID, payment_id: str
) -> None:
    una = console(UNA)
    page = una.get(f"/payments/payments/{payment_id}/edit")
    assert "Saving makes its approvals void" in page
    form = {
        "payee_name": "Morag Fictional",
        "account_type": "personal",
        "sort_code": "99-00-01",
        "account_number": "10000012",
        "roll_number": "",
        "amount": "123.456",
        "reference": "SWH-X",
    }
    page = una.post(f"/payments/payments/{payment_id}/edit", **form)
    assert una.status == 422
    assert "Enter an amount in pounds" in page
    assert 'value="123.456"' in page
    with database.transaction() as session:
        assert world.run_state(session, waiting) == "awaiting_approval"
    page = una.post(f"/payments/payments/{payment_id}/edit", **(form | {"amount": "123.45"}))
    assert una.status == 200
    assert "£123.45" in page
    with database.transaction() as session:
        assert world.run_state(session, waiting) == "correcting"


def test_a_corrected_payee_is_checked_with_the_bank(
    console: Open, database: Database, waiting: UUID, payment_id: str
) -> None:
    una = console(UNA)
    una.get(f"/payments/payments/{payment_id}/edit")
    una.post(
        f"/payments/payments/{payment_id}/edit",
        payee_name="Alasdair Madeup",
        account_type="personal",
        sort_code="99-00-01",
        account_number="10000024",
        roll_number="",
        amount="300.00",
        reference="SWH-X",
    )
    assert una.status == 200
    with database.transaction() as session:
        outcomes = session.execute(
            text("SELECT outcome FROM name_check ORDER BY id DESC LIMIT 1")
        ).scalars()
        assert list(outcomes) == ["unable_to_check"]


def test_a_payment_that_has_left_has_no_form(
    console: Open, database: Database, world: World, waiting: UUID, payment_id: str
) -> None:
    una, alan = console(UNA), console(ALAN)
    alan.get(f"/payments/runs/{waiting}")
    alan.post(f"/payments/runs/{waiting}/approve", content=alan.hidden("content"))
    assert "Correct this payment" not in una.get(f"/payments/payments/{payment_id}")
    una.get(f"/payments/payments/{payment_id}/edit")
    assert una.status == 409


def test_only_uploader_and_approver_read_the_whole_account_number(
    console: Open, payment_id: str
) -> None:
    assert "10000012" in console(ALAN).get(f"/payments/payments/{payment_id}")
    page = console(ENID).get(f"/payments/payments/{payment_id}")
    assert "10000012" not in page
    assert "••••0012" in page


@pytest.mark.parametrize("path", ["edit", "remove", "release-hold"])
def test_enquiry_cannot_change_a_payment(console: Open, payment_id: str, path: str) -> None:
    enid = console(ENID)
    enid.get("/payments/payments/" + payment_id)
    enid.post(f"/payments/payments/{payment_id}/{path}", reason="x")
    assert enid.status == 403


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("SWH-TEST-0001", 1),
        ("morag", 2),
        ("SWH-0002", 1),
        ("300.00", 2),
        ("£300", 2),
        ("99-00-01 10000012", 2),
        ("nothing", 0),
        ("%", 0),
        ("_", 0),
    ],
)
def test_search_finds_by_reference_name_case_amount_and_account(
    console: Open, waiting: UUID, words: str, found: int
) -> None:
    page = console(ENID).get("/payments/search?q=" + words.replace("%", "%25"))
    assert f"{found} payment{'' if found == 1 else 's'} found" in page


def test_a_person_of_two_bodies_chooses_one(console: Open, waiting: UUID) -> None:
    person = console(UNA, OTHER)
    page = person.get("/payments/runs")
    assert "Which organisation do you work for now?" in page
    page = person.post("/payments/choose-body", body="elsewhere", return_to="/payments/runs")
    assert "Select the organisation you work for now" in page
    page = person.post("/payments/choose-body", body=BODY, return_to="/payments/runs")
    assert "1 run" in page
    page = person.get("/payments/choose-body")
    page = person.post("/payments/choose-body", body="glenmore", return_to="https://evil.test/")
    assert "0 runs" in person.get("/payments/runs")


def test_the_list_is_filtered(console: Open, waiting: UUID) -> None:
    person = console(ENID)
    assert "1 run<" in person.get("/payments/runs?state=awaiting_approval")
    assert "0 runs<" in person.get("/payments/runs?state=closed")
    assert "0 runs<" in person.get("/payments/runs?programme=big-grant")


def test_no_transaction_is_open_while_a_bank_is_asked(
    console: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy: list[object] = []

    class Asked:
        def verify(self, _question: NameQuestion) -> NameAnswer:
            with database.transaction() as session:
                busy.extend(
                    session.execute(
                        text(
                            "SELECT query FROM pg_stat_activity WHERE state = 'idle in transaction'"
                            " AND application_name = 'payments-web'"
                        )
                    )
                )
            return NameAnswer(matched=True)

    monkeypatch.setattr("payments.payees.making.open_names", lambda *_: Asked())
    person = console(CHECKER)
    person.get("/payments/confirmation-of-payee")
    person.post(
        "/payments/confirmation-of-payee",
        account_type="personal",
        name="Morag Fictional",
        sort_code="990001",
        account_number="10000012",
    )
    assert person.status == 200
    assert "The name and the type of account match." in person.html
    assert busy == []


def test_the_name_check_form_refuses_with_the_fields_named(console: Open) -> None:
    person = console(CHECKER)
    person.get("/payments/confirmation-of-payee")
    page = person.post("/payments/confirmation-of-payee", name="", sort_code="1")
    assert person.status == 422
    assert "Select personal or business" in page
    page = person.post(
        "/payments/confirmation-of-payee",
        account_type="personal",
        name="Morag Fictional",
        sort_code="990001",
        account_number="10000012",
        roll_number="",
    )
    assert person.status == 200
    assert "Unable to check" in page
