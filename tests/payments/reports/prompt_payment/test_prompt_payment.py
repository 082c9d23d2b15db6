"""How soon invoices are paid, by Scotland's working days."""

import csv
import io
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import text

from payments.reports.prompt_payment.rules import (
    Paid,
    add_up,
    figures_of,
    months_back,
    share,
    working_days_between,
)
from payments.runs.rules import ADMINISTRATOR, AUDITOR, ENQUIRY
from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import World, staff

Open = Callable[..., Console]


@pytest.mark.parametrize(
    ("received", "paid", "days"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), 0),
        (date(2026, 11, 23), date(2026, 11, 24), 1),
        # St Andrew's Day, Monday 30 November, is no working day in Scotland.
        (date(2026, 11, 23), date(2026, 12, 8), 10),
        (date(2026, 11, 27), date(2026, 11, 30), 0),
        (date(2026, 11, 24), date(2026, 11, 23), 0),
        (date(1926, 11, 24), date(2026, 11, 23), 400),
    ],
    ids=["same day", "next day", "over St Andrew's", "weekend", "paid before", "far"],
)
def test_working_days_in_scotland(received: date, paid: date, days: int) -> None:
    assert working_days_between(received, paid, "scotland") == days


def test_england_works_on_st_andrews_day() -> None:
    assert working_days_between(date(2026, 11, 27), date(2026, 11, 30), "england-and-wales") == 1


def test_the_figure_counts_the_day_money_arrives() -> None:
    paid = [
        # Processed on 4 December, in the account on the 7th: nine working days.
        Paid("A", date(2026, 11, 23), date(2026, 12, 4), 3, 300),
        # In the account on 9 December: eleven.
        Paid("A", date(2026, 11, 23), date(2026, 12, 8), 2, 200),
        # Thirty days and one.
        Paid("B", date(2026, 11, 8), date(2026, 12, 8), 1, 50),
        # Processed at the end of a month, in the account in the next.
        Paid("B", date(2026, 12, 30), date(2026, 12, 31), 1, 70),
    ]
    first, second, third = figures_of(paid, "scotland")
    assert (first.programme, first.month, first.invoices) == ("A", date(2026, 12, 1), 5)
    assert (first.within_10, first.within_30) == (3, 5)
    assert (first.percent_10, first.percent_30) == ("60.0 %", "100.0 %")
    assert (second.within_10, second.within_30) == (0, 0)
    assert third.month == date(2027, 1, 1)
    total = add_up([first, second, third], date(2026, 12, 1))
    assert (total.invoices, total.pence) == (6, 550)


def test_a_share_is_never_rounded_up_to_everything() -> None:
    assert share(9999, 10_000) == "99.9 %"
    assert share(10_000, 10_000) == "100.0 %"
    assert share(0, 0) == ""


def test_months_are_counted_back_over_a_new_year() -> None:
    assert months_back(date(2027, 1, 31), 3) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]


def test_the_page_and_its_csv_tell_the_figure(
    console: Open, database: Database, world: World
) -> None:
    today = clock.london_date(clock.now())
    person = console(staff("Enid", ENQUIRY))
    assert "No payment of these months" in person.get("/payments/reports/prompt-payment")
    with database.transaction() as session:
        for _ in range(3):
            world.create(session)
        world.create(session, organisation="glenmore")
        session.execute(
            text("UPDATE payment SET state = 'paid', invoice_received_on = cast(:day AS date) - 3"),
            {"day": today},
        )
        session.execute(
            text(
                "UPDATE payment SET state = 'returned' WHERE id = (SELECT min(id::text)::uuid"
                " FROM payment)"
            )
        )
        session.execute(text("UPDATE run SET processing_date = :day"), {"day": today})
    page = person.get("/payments/reports/prompt-payment")
    assert "100.0 %" in page
    assert "£600.00" in page
    assert "<rect" in page
    assert "bank holidays of Scotland" in page
    answer = person.client.get("/payments/reports/prompt-payment.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["invoices"], row["pence"], row["calendar"]) == ("2", "60000", "scotland")


@pytest.mark.parametrize(("role", "status"), [(AUDITOR, 200), (ADMINISTRATOR, 403)])
def test_who_may_see_it(console: Open, role: str, status: int) -> None:
    person = console(staff("Somebody", role))
    for path in ("/payments/reports", "/payments/reports/prompt-payment"):
        assert person.client.get(path).status_code == status
