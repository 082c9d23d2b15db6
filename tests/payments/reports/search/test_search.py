"""Any payment is found, by anything that is known of it, page by page, and downloaded."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.search.queries import find_payments
from payments.reports.search.rules import Filters, Meanings, read_words
from payments.runs.actions.create import PayeeOrder
from payments.runs.rules import ADMINISTRATOR, AUDITOR, CONFIRMATION_OF_PAYEE, ENQUIRY
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, NOW, World, staff

Open = Callable[..., Console]
ENID = staff("Enid", ENQUIRY)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("Morag", Meanings(words="Morag")),
        ("mo", Meanings()),
        ("  ", Meanings()),
        ("a" * 26, Meanings(public_id="a" * 26, words="a" * 26)),
        ("99-00-01 10000012", Meanings(account_digits="99000110000012")),
        ("••••0012", Meanings(account_tail="0012", words="••••0012")),
        ("0012", Meanings(account_tail="0012", amount_pence=1200, words="0012")),
        ("£1,300.50", Meanings(amount_pence=130050, words="£1,300.50")),
        ("run-2345-6789", Meanings(run_reference="RUN-2345-6789", words="run-2345-6789")),
    ],
    ids=["name", "too short", "blank", "id", "account", "tail", "figures", "pounds", "run"],
)
def test_what_words_can_mean(text: str, meanings: Meanings) -> None:
    assert read_words(text) == meanings


def _found(session: Session, words: str, filters: Filters | None = None) -> list[str]:
    rows = find_payments(session, BODY, read_words(words), None, filters or Filters())
    return [payment.reference for payment in rows]


@pytest.fixture
def three(session: Session, world: World) -> list[str]:
    payees = ("Morag Fictional", "Niall Invented", "Ltd_100% Example")
    made = [
        world.create(
            session,
            payee=PayeeOrder(name, "personal", "99-00-01", f"1000001{number}"),
            amount_pence=10_000 * (number + 1),
            reference=f"REF-{number}",
            programme="winter-heating" if number else "clothing-grant",
        )
        for number, name in enumerate(payees)
    ]
    session.execute(text("UPDATE payment SET invoice_reference = 'INV 7' WHERE reference='REF-1'"))
    return [one.payment_id for one in made]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("morag", ["REF-0"]),
        ("REF-", ["REF-2", "REF-1", "REF-0"]),
        ("200.00", ["REF-1"]),
        ("0012", ["REF-2"]),
        ("INV 7", ["REF-1"]),
        ("100%", ["REF-2"]),
        ("Ltd_", ["REF-2"]),
        ("%%%", []),
        ("____", []),
        ("nothing", []),
    ],
)
def test_words_find(session: Session, three: list[str], words: str, found: list[str]) -> None:
    assert _found(session, words) == found


def test_id_and_run_find(session: Session, three: list[str]) -> None:
    assert _found(session, three[1].upper()) == ["REF-1"]
    run = session.execute(
        text(
            "SELECT reference FROM run WHERE id = (SELECT run_id FROM payment WHERE"
            " reference = 'REF-1')"
        )
    ).scalar_one()
    assert _found(session, run) == ["REF-2", "REF-1"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(states=("ready",)), ["REF-2", "REF-1", "REF-0"]),
        (Filters(states=("held",)), []),
        (Filters(programme="clothing-grant"), ["REF-0"]),
        (Filters(lowest_pence=15_000, highest_pence=20_000), ["REF-1"]),
        (Filters(first_day=NOW.date(), last_day=NOW.date()), ["REF-2", "REF-1", "REF-0"]),
        (Filters(first_day=NOW.date() + timedelta(days=1)), []),
        (Filters(last_day=NOW.date() - timedelta(days=1)), []),
    ],
    ids=["ready", "held", "programme", "amounts", "the day", "later", "earlier"],
)
def test_filters_narrow_with_words_and_without(
    session: Session, three: list[str], filters: Filters, found: list[str]
) -> None:
    assert _found(session, "REF-", filters) == found
    plain = find_payments(session, BODY, None, None, filters)
    assert [payment.reference for payment in plain] == found


def test_pages_follow_one_another_without_gap_or_repeat(session: Session, world: World) -> None:
    for _ in range(7):
        world.create(session)
    everything = find_payments(session, BODY, None, None, Filters())
    first = find_payments(session, BODY, None, None, Filters(), limit=3)
    second = find_payments(session, BODY, None, None, Filters(), before=first[-1].id, limit=3)
    third = find_payments(session, BODY, None, None, Filters(), before=second[-1].id, limit=3)
    assert [*first, *second, *third] == everything
    assert len(everything) == 7


def test_another_bodys_payments_are_never_found(session: Session, world: World) -> None:
    theirs = world.create(session, organisation="glenmore", reference="REF-GLEN")
    for words in ("REF-GLEN", theirs.payment_id, "300.00", "0012", "Morag"):
        assert _found(session, words) == []


def test_the_page_finds_by_account_and_says_what_is_wrong(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        world.create(session)
    person = console(ENID)
    page = person.get("/payments/search?q=99-00-01+10000012")
    assert "1 payment found" in page
    assert "••••0012" in page
    assert "10000012" not in re.sub("99-00-01[ +]10000012", "", page)
    page = person.get("/payments/search?q=Morag&from=yesterday&lowest=much")
    assert person.status == 422
    assert "Enter a day, such as 2026-11-22" in page
    assert "Enter an amount in pounds, like 300.00" in page
    assert "<title>Error:" in page
    assert "Type at least three letters" in person.get("/payments/search?q=mo")


def test_a_download_holds_everything_masked_disarmed_and_is_noted(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        world.create(session, payee=PayeeOrder("=HYPERLINK()", "business", "990001", "10000012"))
        world.create(session)
    person = console(ENID)
    answer = person.client.get("/payments/search.csv?q=99-00-01+10000012")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["payee"] for row in rows] == ["Morag Fictional", "'=HYPERLINK()"]
    assert {row["account"] for row in rows} == {"••••0012"}
    assert {row["amount_pounds"] for row in rows} == {"300.00"}
    assert "10000012" not in answer.text
    with database.transaction() as session:
        noted = session.execute(
            text("SELECT details::text FROM audit_event WHERE action = :action"),
            {"action": "payments.search.downloaded"},
        ).scalar_one()
    assert "account ending 0012" in noted
    assert "10000012" not in noted


@pytest.mark.parametrize(
    ("role", "status"),
    [(ENQUIRY, 200), (AUDITOR, 200), (ADMINISTRATOR, 403), (CONFIRMATION_OF_PAYEE, 403)],
)
def test_who_may_search(console: Open, role: str, status: int) -> None:
    person = console(staff("Somebody", role))
    for path in ("/payments/search?q=Morag", "/payments/search.csv?q=Morag"):
        assert person.client.get(path).status_code == status
