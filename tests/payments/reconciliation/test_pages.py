"""The console's pages of reconciliation and the ledger, by people of several roles."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from payments.bank.actions import NewBankAccount, open_bank_account
from payments.reconciliation.importing.fetching import fetch_statements
from shared.actors import Actor
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, NOW, BankDay
from tests.payments.runs.console import Console
from tests.support.samples import natwest

Open = Callable[..., Console]
PAGES = (
    "/payments/reconciliation",
    "/payments/reconciliation/exceptions",
    "/payments/ledger",
    "/payments/ledger/accounts/bank.main",
)


def staff(role: str, organisation: str = BODY) -> Actor:
    return Actor("staff", f"person-{role}", organisation, frozenset({f"payments.{role}"}), role)


@pytest.fixture
def played(day: BankDay) -> str:
    """Play a run to its reconciled statement; returns the statement's path."""
    _, submission, _ = day.run((GOOD, 70_000), (CLOSED, 30_000))
    day.hand_over(submission)
    day.next_day()
    day.next_day()
    day.fetch_reports()
    fetch_statements(day.database, day.bank, day.vault, lambda: NOW)
    with day.database.transaction() as session:
        found = session.execute(text("SELECT id FROM statement")).scalar_one()
    return f"/payments/reconciliation/statements/{found}"


def shown(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("role", ["uploader", "approver", "enquiry", "auditor"])
def test_each_reader_sees_every_page(console: Open, played: str, role: str) -> None:
    person = console(staff(role))
    for page in (*PAGES, played):
        person.get(page)
        assert person.status == 200, page
    person.get("/payments/reconciliation/import")
    assert person.status == (200 if role in {"uploader", "approver"} else 403)


@pytest.mark.parametrize("page", [*PAGES, "/payments/reconciliation/import"])
def test_others_see_nothing(console: Open, played: str, page: str) -> None:
    person = console(staff("confirmation_of_payee"))
    person.get(page)
    assert person.status == 403
    stranger = console(staff("approver", "glenmore"))
    assert "1,000" not in stranger.get(page)
    stranger.get(played)
    assert stranger.status == 404


def test_the_proof_is_told_and_what_came_back_is_work(console: Open, played: str) -> None:
    person = console(staff("enquiry"))
    page = shown(person.get("/payments/reconciliation"))
    assert "agree to the penny" in page
    assert "No exceptions" in page
    page = shown(person.get(played))
    assert "batch reference and amount are the same (100)" in page
    assert "Payment REF-0001" in page
    assert "-£1,000.00" in page
    page = shown(person.get("/payments/work"))
    assert "Payment returned" in page
    assert "£300.00" in page


def test_the_ledger_drills_down_to_the_postings(console: Open, played: str) -> None:
    person = console(staff("auditor"))
    page = person.get("/payments/ledger")
    links = re.findall(r'href="(/payments/ledger/entries/[^"]+)"', page)
    assert len(links) == 8
    for link in links:
        person.get(link)
        assert person.status == 200
    assert "Postings" in person.html
    assert "Refers to" in "".join(person.get(link) for link in links)
    person.get("/payments/ledger/accounts/nothing")
    assert person.status == 404
    assert "There are no entries" in person.get("/payments/ledger?event=nothing")


def upload(person: Console, account: str, name: str, content: bytes) -> str:
    person.get("/payments/reconciliation/import")
    token = person.hidden("csrf_token")
    answer = person.client.post(
        "/payments/reconciliation/import",
        data={"account": account, "csrf_token": token},
        files={"file": (name, content)},
    )
    person.status, person.html = answer.status_code, answer.text
    return shown(answer.text)


def statements(day: BankDay) -> int:
    with day.database.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM statement")).scalar_one())


def test_a_file_is_imported_refused_and_recognised(console: Open, day: BankDay) -> None:
    with day.database.transaction() as session:
        account = open_bank_account(
            session, NewBankAccount(BODY, "income", "Income", "123456", "67175315")
        )
    person = console(staff("uploader"))
    good = natwest("testfile_1")
    wrong = natwest("testfile_incorrect_totals")
    page = upload(person, str(account), "wrong", wrong)
    assert person.status == 422
    assert "the totals are wrong: debits in pence" in page
    assert "<title>Error: Import a statement file" in person.html
    assert statements(day) == 0
    page = upload(person, str(account), "good", good)
    assert "imported and reconciled" in page
    assert "A1234BY 09/12/86" in page
    assert "Not explained" in page
    assert "Nothing was changed" in upload(person, str(account), "good", good)
    assert statements(day) == 1


@pytest.mark.parametrize(
    ("account", "content", "message"),
    [
        ("", b"VOL1", "Select the bank account"),
        ("nonsense", b"VOL1", "Select the bank account"),
        ("main", b"", "Select a statement file"),
        ("main", b"what", "neither camt.053 nor NatWest"),
    ],
)
def test_an_incomplete_upload_names_its_field(
    console: Open, day: BankDay, account: str, content: bytes, message: str
) -> None:
    person = console(staff("approver"))
    chosen = str(day.account) if account == "main" else account
    assert message in upload(person, chosen, "file", content)
    assert person.status == 422
    assert statements(day) == 0
