"""The pages of journals: written, posted, reversed by two people; each route by each role."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from payments.gl.journals.presenting import STATE_TEXTS
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER, ROLE_NAMES
from shared.db import Database
from tests.payments.gl.journals.desk import ADA, AUDRA, RITA, RORY, TODAY, ask, look, post, snapshot
from tests.payments.runs.console import Console
from tests.payments.runs.world import OTHER, staff

Open = Callable[..., Console]
VIEWERS = {RECONCILER, AUDITOR, ADMINISTRATOR}


def filled(person: Console, **changes: str) -> dict[str, str]:
    """The form of a good journal, as the page that is open gave it."""
    values = {
        "form_key": person.hidden("form_key"),
        "lines": "4",
        "effective_on-day": str(TODAY.day),
        "effective_on-month": str(TODAY.month),
        "effective_on-year": str(TODAY.year),
        "description": "Bank charges <November>",
        "reason": "The bank charged them",
        "account-1": "own.fees",
        "debit-1": "12.50",
        "note-1": "Charge",
        "account-2": "programme_expenditure",
        "credit-2": "12.50",
        "do": "ask",
    }
    return values | changes


def count(database: Database) -> int:
    with database.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM journal")).scalar_one())


def test_a_journal_from_form_to_ledger_by_two_people(ledger: Database, console: Open) -> None:
    rita, rory = console(RITA), console(RORY)
    rita.get("/payments/journals")
    assert "No journal was written yet" in rita.html
    rita.get("/payments/journals/new")
    page = rita.post("/payments/journals/new", **filled(rita))
    assert "Another person has to post it" in page
    assert "Bank charges &lt;November&gt;" in page
    assert "Post this journal" not in page
    assert "Withdraw this journal" in page
    rory.get("/payments/journals/1")
    page = rory.post("/payments/journals/1/post", content=rory.hidden("content"))
    assert "The journal was posted" in page
    for said in ("Rita", "Rory", "Posted to the ledger", "number follows", "£12.50"):
        assert said in page
    assert look(ledger, 1).state == "posted"
    rory.get("/payments/journals/1/reverse")
    page = rory.post(
        "/payments/journals/1/reverse",
        **{name: value for name, value in filled(rory).items() if "-1" not in name},
    )
    assert "Reversal of journal 1" in page
    rita.get("/payments/journals/2")
    rita.post("/payments/journals/2/post", content=rita.hidden("content"))
    page = rita.get("/payments/journals/1")
    assert "Reversed by" in page
    assert "Reverse this journal" not in page


def test_a_double_click_is_one_journal(ledger: Database, console: Open) -> None:
    rita = console(RITA)
    rita.get("/payments/journals/new")
    form = filled(rita)
    rita.post("/payments/journals/new", **form)
    assert "Manual journal 1" in rita.html
    rita.post("/payments/journals/new", **form)
    assert rita.status == 200
    assert "Manual journal 1" in rita.html
    assert count(ledger) == 1


def test_lines_are_added_without_a_script_and_nothing_typed_is_lost(
    ledger: Database, console: Open
) -> None:
    rita = console(RITA)
    rita.get("/payments/journals/new")
    key = rita.hidden("form_key")
    page = rita.post("/payments/journals/new", **filled(rita, do="add"))
    assert rita.status == 200
    assert rita.hidden("form_key") == key
    assert rita.hidden("lines") == "8"
    assert 'id="account-8"' in page
    assert 'id="account-9"' not in page
    assert 'value="12.50"' in page
    assert "Bank charges" in page
    assert count(ledger) == 0


def test_a_refused_form_says_everything_at_once_and_keeps_what_was_typed(
    ledger: Database, console: Open
) -> None:
    rita = console(RITA)
    rita.get("/payments/journals/new")
    before = snapshot(ledger)
    changes = {"effective_on-day": "31", "effective_on-month": "2", "reason": "", "debit-1": "x"}
    page = rita.post("/payments/journals/new", **filled(rita, **changes))
    assert rita.status == 422
    assert "<title>Error:" in page
    places = [page.index(f'href="#{field}"') for field in ("effective_on", "reason", "debit-1")]
    assert places == sorted(places)
    assert 'value="x"' in page
    assert snapshot(ledger) == before


def test_lines_come_as_pasted_or_uploaded_csv(ledger: Database, console: Open) -> None:
    rita = console(RITA)
    rita.get("/payments/journals/new")
    empty = {"account-1": "", "debit-1": "", "note-1": "", "account-2": "", "credit-2": ""}
    good = "account,debit,credit,note\nown.fees,3.00,,a\nprogramme_expenditure,,3.00,b\n"
    rita.post("/payments/journals/new", **filled(rita, csv=good))
    assert rita.status == 422
    assert "not both" in rita.html
    bad = good.replace("3.00,,a", "3.001,,a").replace("programme_expenditure", "in_transit")
    rita.post("/payments/journals/new", **filled(rita, **empty, csv=bad))
    assert "Line 2, debit" in rita.html
    assert "Line 3, account" in rita.html
    assert "in_transit,,3.00,b" in rita.html
    form = filled(rita, **empty) | {"csrf_token": rita.hidden("csrf_token")}
    files = {"file": ("lines.csv", good.encode(), "text/csv")}
    for wrong in (b"\xff\xfe", b"x" * 500_001):
        answer = rita.client.post(
            "/payments/journals/new", data=form, files={"file": ("lines.csv", wrong, "text/csv")}
        )
        assert answer.status_code == 422
    assert count(ledger) == 0
    answer = rita.client.post("/payments/journals/new", data=form, files=files)
    assert "Manual journal 1" in answer.text
    assert look(ledger, 1).total_pence == 300


def test_own_journals_and_stale_pages_are_refused(ledger: Database, console: Open) -> None:
    number = ask(ledger, effective_on=TODAY)
    before = snapshot(ledger)
    rita, rory = console(RITA), console(RORY)
    path = f"/payments/journals/{number}"
    rita.get(path)
    rita.post(f"{path}/post", content=look(ledger, number).content_sha256.hex())
    assert rita.status == 403
    rory.get(path)
    rory.post(f"{path}/post", content="0" * 64)
    assert rory.status == 409
    rory.post(f"{path}/decline", reason="")
    assert rory.status == 422
    rory.post(f"{path}/reverse", **filled_reversal(rory))
    assert rory.status == 422
    assert snapshot(ledger) == before


def filled_reversal(_person: Console) -> dict[str, str]:
    return {"form_key": "no key", "effective_on-day": "1", "reason": "x"}


def test_a_journal_is_declined_with_a_reason(ledger: Database, console: Open) -> None:
    ask(ledger, effective_on=TODAY)
    rory = console(RORY)
    rory.get("/payments/journals/1")
    page = rory.post("/payments/journals/1/decline", reason="Wrong account")
    assert "The journal was declined" in page
    assert "Wrong account" in page
    assert "Post this journal" not in page


def test_the_list_is_searched_filtered_and_paged(ledger: Database, console: Open) -> None:
    for number in range(1, 24):
        ask(ledger, effective_on=TODAY, description=f"Fees {number} 5%_")
    post(ledger, 3)
    rita = console(RITA)
    page = rita.get("/payments/journals")
    assert "23 journals" in page
    assert page.count('href="/payments/journals/2"') == 0
    assert 'href="/payments/journals/2"' in rita.get("/payments/journals?page=2")
    assert "1 journal" in rita.get("/payments/journals?state=posted")
    assert "1 journal" in rita.get("/payments/journals?q=Fees+7+")
    assert "23 journals" in rita.get("/payments/journals?q=OWN.FEES")
    assert "23 journals" in rita.get("/payments/journals?q=5%25_")
    assert "No journal fits" in rita.get("/payments/journals?q=%25%25")
    assert "No journal fits" in rita.get("/payments/journals?q=%00zz")
    assert "23 journals" in rita.get("/payments/journals?state=bogus")


def test_downloads_hold_every_line_and_the_list_is_noted(ledger: Database, console: Open) -> None:
    ask(ledger, effective_on=TODAY, description="=HYPERLINK()")
    ask(ledger, effective_on=TODAY)
    audra = console(AUDRA)
    rows = list(csv.DictReader(io.StringIO(audra.get("/payments/journals.csv"), newline="")))
    assert [(row["journal"], row["line"], row["debit"], row["credit"]) for row in rows] == [
        ("1", "1", "123.45", ""),
        ("1", "2", "", "123.45"),
        ("2", "1", "123.45", ""),
        ("2", "2", "", "123.45"),
    ]
    assert rows[0]["description"] == "'=HYPERLINK()"
    one = audra.get("/payments/journals/2/lines.csv")
    assert len(one.splitlines()) == 3
    audra.get("/payments/journals/9/lines.csv")
    assert audra.status == 404
    with ledger.transaction() as session:
        noted = session.execute(
            text("SELECT count(*) FROM audit_event WHERE action = 'gl.journals.downloaded'")
        ).scalar_one()
    assert noted == 1


def test_an_administrator_opens_an_account(ledger: Database, console: Open) -> None:
    ada = console(ADA)
    assert "own.fees" in ada.get("/payments/journals/accounts")
    assert "bank.main" not in re.sub(r"<p>.*?</p>", "", ada.html)
    ada.post("/payments/journals/accounts", code="bank.other", type="asset")
    assert ada.status == 422
    ada.post("/payments/journals/accounts", code="own.other", type="poem")
    assert ada.status == 422
    ada.post("/payments/journals/accounts", code="own.fees", type="income")
    assert ada.status == 409
    page = ada.post("/payments/journals/accounts", code="own.other", type="liability")
    assert "The account was opened" in page
    page = ada.post("/payments/journals/accounts", code="own.other", type="liability")
    assert "was there already" in page
    assert "Open the account" not in console(AUDRA).get("/payments/journals/accounts")


_READS = (
    "/payments/journals",
    "/payments/journals.csv",
    "/payments/journals/1",
    "/payments/journals/1/lines.csv",
    "/payments/journals/accounts",
)
_WRITER_READS = ("/payments/journals/new", "/payments/journals/1/reverse")
_WRITES = (
    "/payments/journals/new",
    "/payments/journals/1/post",
    "/payments/journals/1/decline",
    "/payments/journals/1/reverse",
)


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_every_route_by_every_role(ledger: Database, console: Open, role: str) -> None:
    ask(ledger, effective_on=TODAY)
    person = console(staff("Somebody", role))
    for path in _READS:
        person.get(path)
        assert person.status == (200 if role in VIEWERS else 403), path
    for path in _WRITER_READS:
        person.get(path)
        assert person.status == (200 if role == RECONCILER else 403), path
    before = snapshot(ledger)
    for path in _WRITES:
        person.get("/payments/choose-body")
        assert person.hidden("csrf_token")
        person.post(path, content="", reason="")
        assert person.status in ((409, 422) if role == RECONCILER else (403,)), path
    person.post("/payments/journals/accounts", code="", type="")
    assert person.status == (422 if role == ADMINISTRATOR else 403)
    assert snapshot(ledger) == before


def test_another_body_sees_none_of_it(ledger: Database, console: Open) -> None:
    ask(ledger, effective_on=TODAY)
    stranger = console(staff("Stranger", RECONCILER, organisation=str(OTHER.organisation)))
    assert "No journal was written yet" in stranger.get("/payments/journals")
    for path in ("/payments/journals/1", "/payments/journals/1/lines.csv"):
        stranger.get(path)
        assert stranger.status == 404


def test_every_state_has_its_words() -> None:
    assert set(STATE_TEXTS) == {"waiting", "posted", "declined", "withdrawn"}
