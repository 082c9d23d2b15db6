"""Bills through the real web app, by people with one role each."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from payments.bills.actions.issue import issue_bill
from payments.bills.rules import NewBill
from payments.govstack.actions.seeding_bills import seed_bills
from payments.govstack.sandbox import SandboxBill
from payments.runs.queries.runs import find_programme
from payments.runs.rules import ADMINISTRATOR, AUDITOR, CONFIRMATION_OF_PAYEE, RECONCILER, RELEASER
from shared import clock
from shared.actors import Actor
from shared.clock import london_date
from shared.db import Database
from tests.payments.bills.counter import REFERENCE, count, pay, state
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, BODY, ENID, OTHER, UNA, staff

Open = Callable[..., Console]
HOME = "/payments/bills"
AUDREY = staff("Audrey", AUDITOR)
READERS = [ALAN, ENID, AUDREY, staff("Rhona", RECONCILER), staff("Rory", RELEASER)]
OUTSIDERS = [staff("Ada", ADMINISTRATOR), staff("Colin", CONFIRMATION_OF_PAYEE)]


def _issue(database: Database, *references: str, days: int = 10) -> None:
    now = clock.now()
    with database.transaction() as session:
        for reference in references or (REFERENCE,):
            due = london_date(now) + timedelta(days=days)
            new = NewBill("winter-heating", reference, "Morag <b>", 12_050, "Permit", due)
            issue_bill(session, BODY, new, UNA, now)


def _form(**changes: str) -> dict[str, str]:
    due = london_date(clock.now()) + timedelta(days=10)
    return {
        "programme": "winter-heating",
        "reference": "ct-2026-0001",
        "payer_name": "Morag Fictional",
        "amount": "£120.50",
        "description": "Garden waste permit",
        "due_on-day": str(due.day),
        "due_on-month": str(due.month),
        "due_on-year": str(due.year),
    } | changes


def test_a_bill_from_its_form_to_its_end(console: Open, database: Database) -> None:
    una = console(UNA)
    assert "No bill was issued yet." in una.get(HOME)
    una.get(f"{HOME}/new")
    page = una.post(f"{HOME}/new", **_form())
    assert "The bill was issued." in page
    assert "£120.50" in page
    assert "Una" in page
    una.get(f"{HOME}/{REFERENCE}/cancel")
    page = una.post(f"{HOME}/{REFERENCE}/cancel", reason="")
    assert (una.status, "<title>Error: " in page, 'id="reason-error"' in page) == (422, True, True)
    with database.transaction() as session:
        assert state(session) == "open"
    page = una.post(f"{HOME}/{REFERENCE}/cancel", reason="Issued twice")
    assert "The bill was cancelled." in page
    assert "Issued twice" in page
    assert "Cancel this bill" not in page
    assert "Cancel this bill?" not in una.get(f"{HOME}/{REFERENCE}/cancel")


def test_every_fault_of_a_form_is_shown_beside_its_field(console: Open, database: Database) -> None:
    una = console(UNA)
    una.get(f"{HOME}/new")
    page = una.post(f"{HOME}/new", payer_name="Kept Words", amount="1.234")
    assert una.status == 422
    for name in ("programme", "reference", "amount", "description", "due_on"):
        assert f'id="{name}-error"' in page
    assert "Kept Words" in page
    bad_day = una.post(f"{HOME}/new", **_form(**{"due_on-month": "13"}))
    assert 'id="due_on-error"' in bad_day
    with database.transaction() as session:
        assert count(session, "bill") == 0


def test_the_list_is_searched_narrowed_and_paged(console: Open, database: Database) -> None:
    _issue(database, *(f"B-{number:02}" for number in range(21)))
    with database.transaction() as session:
        pay(session, now=clock.now(), bill_reference="B-00")
    enid = console(ENID)
    page = enid.get(HOME)
    assert "21 bills" in page
    assert "£2,410.00" in page
    assert f"{HOME}/B-20" in page
    assert f"{HOME}/B-00" not in page
    assert f"{HOME}/B-00" in enid.get(f"{HOME}?page=2")
    assert "1 bill<" in enid.get(f"{HOME}?state=paid")
    assert f"{HOME}/B-07" in enid.get(f"{HOME}?q=b-07")
    assert "There are no such bills." in enid.get(f"{HOME}?q=nobody")
    assert "There are no such bills." in enid.get(f"{HOME}?programme=none%00")
    assert "Morag &lt;b&gt;" in page
    assert "Issue a bill" not in page


def test_a_paid_bill_shows_its_payment(console: Open, database: Database) -> None:
    _issue(database)
    with database.transaction() as session:
        pay(session, now=clock.now(), amount_pence=1, request_id="pay-0")
        pay(session, now=clock.now())
    page = console(AUDREY).get(f"{HOME}/{REFERENCE}")
    for words in ("Paid", "payer-bank", "PAYREF-0001", "A payment was refused"):
        assert words in page


def test_a_rehearsal_is_marked_and_not_counted(console: Open, database: Database) -> None:
    bill = SandboxBill(
        reference="TRY-1", payer_name="Morag", amount_pence=700, description="Permit"
    )
    with database.transaction() as session:
        programme = find_programme(session, BODY, "winter-heating")
        assert programme is not None
        seed_bills(session, BODY, [bill], programme.id, clock.now())
    enid = console(ENID)
    page = enid.get(HOME)
    assert "Rehearsal" in page
    assert "£0.00" in page
    assert "nobody owes it" in enid.get(f"{HOME}/TRY-1")


def _upload(client: TestClient, token: str, content: bytes) -> tuple[int, str]:
    answer = client.post(
        f"{HOME}/import",
        data={"csrf_token": token},
        files={"file": ("bills.csv", content, "text/csv")},
    )
    return answer.status_code, answer.text


def test_a_file_of_bills(console: Open, database: Database) -> None:
    una = console(UNA)
    una.get(f"{HOME}/import")
    token = una.hidden("csrf_token")
    due = london_date(clock.now()) + timedelta(days=10)
    header = "reference,payer,amount,description,due_date,programme\n"
    bad = f"{header}A 1,Morag,1.234,Permit,{due},none\nA-2,,5,Rent,soon,winter-heating\n"
    status, page = _upload(una.client, token, bad.encode())
    assert (status, "<title>Error: " in page, "5 errors" in page) == (422, True, True)
    assert una.post(f"{HOME}/import").count("Select a CSV file") >= 1
    good = f"{header}A-1,Morag,1.23,Permit,{due},winter-heating\n".encode()
    status, page = _upload(una.client, token, good)
    assert (status, "The bills of the file were issued." in page) == (200, True)
    assert "bills.csv" in una.get(f"{HOME}/A-1")
    status, page = _upload(una.client, token, good)
    assert "This file was imported before." in page
    with database.transaction() as session:
        assert count(session, "bill") == 1


@pytest.mark.parametrize("person", READERS, ids=lambda one: one.name)
def test_readers_see_and_do_not_act(console: Open, database: Database, person: Actor) -> None:
    _issue(database)
    reader = console(person)
    assert REFERENCE in reader.get(HOME)
    assert reader.status == 200
    assert "Cancel this bill" not in reader.get(f"{HOME}/{REFERENCE}")
    for path in (f"{HOME}/new", f"{HOME}/import", f"{HOME}/{REFERENCE}/cancel"):
        reader.get(path)
        assert reader.status == 403, path
        reader.get(HOME)
        reader.post(path, **_form(reason="x"))
        assert reader.status == 403, path
    with database.transaction() as session:
        assert (count(session, "bill"), state(session)) == (1, "open")


@pytest.mark.parametrize("person", OUTSIDERS, ids=lambda one: one.name)
def test_outsiders_see_nothing(console: Open, database: Database, person: Actor) -> None:
    _issue(database)
    outsider = console(person)
    for path in (HOME, f"{HOME}/{REFERENCE}", f"{HOME}/new", f"{HOME}/import"):
        assert REFERENCE not in outsider.get(path)
        assert outsider.status == 403


def test_another_body_sees_nothing(console: Open, database: Database) -> None:
    _issue(database)
    other = console(OTHER)
    assert REFERENCE not in other.get(HOME)
    for path in (f"{HOME}/{REFERENCE}", f"{HOME}/{REFERENCE}/cancel"):
        other.get(path)
        assert other.status == 404
    other.get(HOME)
    other.post(f"{HOME}/{REFERENCE}/cancel", reason="x")
    assert other.status == 404
    with database.transaction() as session:
        assert state(session) == "open"
