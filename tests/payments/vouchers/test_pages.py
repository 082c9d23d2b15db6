"""Vouchers through the real web app, by people with one role each."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from payments.runs.rules import AUDITOR
from shared.actors import Actor
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, ENID, OTHER, UNA, staff
from tests.payments.vouchers.shop import FUNDS, Shop, money

Open = Callable[..., Console]
AUDREY = staff("Audrey", AUDITOR)
HOME = "/payments/vouchers"
LINES = "Morag Fictional; 25.00; 1 High Street; Glenmore\nAlasdair Madeup; £10; 2 High Street"


def _last(database: Database, table: str, column: str) -> str:
    with database.transaction() as session:
        query = f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1"
        return str(session.execute(text(query)).scalar_one())


def _put_forward(una: Console, shop: Shop, **changes: str) -> str:
    una.get(f"{HOME}/batches/new")
    form = {
        "kind": "payment_order",
        "group": str(shop.group_id),
        "purpose": "Winter heating",
        "lines": LINES,
    }
    return una.post(f"{HOME}/batches/new", **form | changes)


def test_a_day_with_payment_orders(
    console: Open, busy_shop: Shop, payments_database: Database
) -> None:
    una, alan = console(UNA), console(ALAN)
    page = _put_forward(una, busy_shop)
    assert "Somebody else has to approve it." in page
    assert "Another person has to decide" in page
    batch = _last(payments_database, "voucher_batch", "id")
    page = alan.get(f"{HOME}/batches/{batch}")
    assert "Morag Fictional" in page
    page = alan.post(
        f"{HOME}/batches/{batch}/decision", decision="approve", content=alan.hidden("content")
    )
    assert "You approved the batch." in page
    serial = _last(payments_database, "voucher", "serial")
    page = una.get(f"{HOME}?serial={serial}")
    assert serial in page
    assert "Alasdair Madeup, 2 High Street" in page
    answer = una.client.post(
        f"{HOME}/numbers/{serial}/letter", data={"csrf_token": una.hidden("csrf_token")}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    page = una.get(f"{HOME}/numbers/{serial}")
    assert "Print the letter again" in page
    page = una.post(f"{HOME}/numbers/{serial}/replace", why="")
    assert una.status == 422
    assert 'id="why-error"' in page
    page = una.post(f"{HOME}/numbers/{serial}/replace", why="Never came")
    assert "Somebody else has to approve its replacement." in page
    assert "Cancelled" in una.get(f"{HOME}/numbers/{serial}")


def test_stopping_a_voucher(console: Open, busy_shop: Shop, payments_database: Database) -> None:
    with payments_database.transaction() as session:
        (serial,) = busy_shop.approve(session, busy_shop.put_forward(session, 1000))
    una = console(UNA)
    path = f"{HOME}/numbers/{serial}"
    una.get(path)
    page = una.post(f"{path}/state", state="suspended", reason="")
    assert (una.status, "Enter a reason" in page) == (422, True)
    assert "<title>Error: " in page
    una.post(f"{path}/state", state="used", reason="x")
    assert una.status == 422
    assert "Suspended" in una.post(f"{path}/state", state="suspended", reason="Under question")
    assert "Make it usable again" in una.html
    una.post(f"{path}/state", state="cancelled", reason="Given back")
    assert "Given back" in una.html
    with payments_database.transaction() as session:
        assert money(session) == (FUNDS, 0)


def test_money_and_merchants_of_a_group(
    console: Open, busy_shop: Shop, payments_database: Database
) -> None:
    una, alan = console(UNA), console(ALAN)
    una.get(f"{HOME}/groups/new")
    page = una.post(f"{HOME}/groups/new", name="", programme="none", days_valid="x")
    assert page.count("ds_error-summary") or una.status == 422
    page = una.post(f"{HOME}/groups/new", name="Fuel", programme="winter-heating", days_valid="30")
    assert "The group was made." in page
    group = _last(payments_database, "voucher_group", "id")
    una.post(f"{HOME}/groups/{group}/money", amount="lots")
    assert una.status == 422
    assert "You asked for money." in una.post(f"{HOME}/groups/{group}/money", amount="250.00")
    assert "Agree</button>" not in una.html
    una.get(f"{HOME}/groups/{group}")
    una.post(f"{HOME}/groups/{group}/merchants", name="Shop", sort_code="1", account_number="2")
    assert una.status == 422
    page = una.post(
        f"{HOME}/groups/{group}/merchants",
        name="Shop",
        sort_code="99-00-01",
        account_number="10000036",
    )
    assert "The merchant was added." in page
    assert "••••0036" in page
    assert "10000036" not in page
    alan.get(HOME)
    funding = re.search(r"/payments/vouchers/fundings/([0-9a-f-]{36})", alan.html)
    assert funding is not None
    page = alan.post(f"{HOME}/fundings/{funding[1]}", decision="agree")
    assert "The money is in the group." in page
    assert "£250.00" in page
    alan.post(f"{HOME}/fundings/{funding[1]}", decision="agree")
    assert alan.status == 409


@pytest.mark.parametrize(
    "change",
    [{"kind": ""}, {"group": ""}, {"purpose": ""}, {"lines": "nonsense"}, {"lines": ""}],
    ids=["kind", "group", "purpose", "line", "no-lines"],
)
def test_a_bad_batch_is_shown_again(
    console: Open, busy_shop: Shop, payments_database: Database, change: dict[str, str]
) -> None:
    una = console(UNA)
    _put_forward(una, busy_shop, **change)
    assert una.status == 422
    with payments_database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM voucher_batch")).scalar_one() == 0


def test_a_batch_that_was_not_seen_is_not_approved(
    console: Open, busy_shop: Shop, payments_database: Database
) -> None:
    with payments_database.transaction() as session:
        batch = busy_shop.put_forward(session, 1000)
    alan = console(ALAN)
    alan.get(f"{HOME}/batches/{batch}")
    alan.post(f"{HOME}/batches/{batch}/decision", decision="approve", content="00")
    assert alan.status == 409
    alan.post(f"{HOME}/batches/{batch}/decision", decision="reject", reason="Wrong")
    assert "Rejected" in alan.html


@pytest.mark.parametrize("actor", [ENID, AUDREY], ids=lambda actor: actor.name)
def test_who_only_looks_changes_nothing(
    console: Open, busy_shop: Shop, payments_database: Database, actor: Actor
) -> None:
    with payments_database.transaction() as session:
        batch = busy_shop.put_forward(session, 1000)
        serial = session.execute(text("SELECT serial FROM voucher")).scalar_one()
    person = console(actor)
    for page in (HOME, f"{HOME}/groups/{busy_shop.group_id}", f"{HOME}/batches/{batch}"):
        person.get(page)
        assert person.status == 200
    person.get(f"{HOME}/numbers/{serial}")
    for path in (
        f"/batches/{batch}/decision",
        f"/numbers/{serial}/state",
        f"/numbers/{serial}/letter",
        f"/numbers/{serial}/replace",
        "/batches/new",
        "/groups/new",
        f"/groups/{busy_shop.group_id}/money",
    ):
        person.get(HOME)
        person.post(HOME + path, decision="reject", reason="x", state="blocked", why="x")
        assert person.status == 403
    with payments_database.transaction() as session:
        found = session.execute(text("SELECT state FROM voucher_batch")).scalar_one()
    assert found == "awaiting_approval"


def test_another_body_sees_nothing(
    console: Open, busy_shop: Shop, payments_database: Database
) -> None:
    with payments_database.transaction() as session:
        batch = busy_shop.put_forward(session, 1000)
        serial = session.execute(text("SELECT serial FROM voucher")).scalar_one()
    other = console(OTHER)
    for page in (
        f"/groups/{busy_shop.group_id}",
        f"/batches/{batch}",
        f"/numbers/{serial}",
    ):
        other.get(HOME + page)
        assert other.status == 404
    assert "Food" not in other.get(HOME)
