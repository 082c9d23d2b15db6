"""The simulated bank's statements are what the usual readers of each format accept."""

import csv
import io
import re

import mt940
import pytest
from bai2 import bai2
from bankline_parser import data_services
from lxml import etree

from tests.payments.bank.bank_day import CLOSED, GOOD, BankDay
from tests.support.samples import sample

OPENING = 1_000_000_000


@pytest.fixture
def statement(day: BankDay) -> str:
    """Play two days: a debit of 750, a return of 50 and 20 of a stranger; returns the id."""
    _, submission, _ = day.run((GOOD, 700), (CLOSED, 50))
    day.hand_over(submission)
    day.http.post(
        "/admin/movements",
        json={
            "sort_code": "802260",
            "account_number": "00112233",
            "pence": 20,
            "reference": "GIFT",
        },
    )
    for _ in range(2):
        day.next_day()
    listed = day.bank.list_statements("802260", "00112233")
    return listed[-1].id


def get(day: BankDay, statement: str, name: str) -> bytes:
    answer = day.http.get(f"/statements/{statement}", params={"format": name})
    answer.raise_for_status()
    return answer.content


@pytest.mark.parametrize("name", ["camt.053", "camt.054"])
def test_camt_is_valid_by_its_schema(day: BankDay, statement: str, name: str) -> None:
    path = sample(f"payments/iso20022/xsd/{name}.001.08.xsd")
    root = etree.fromstring(get(day, statement, name))
    etree.XMLSchema(etree.parse(str(path))).assertValid(root)
    amounts = [one.text for one in root.iter("{*}Amt")]
    assert "7.50" in amounts


def test_mt940_is_read(day: BankDay, statement: str) -> None:
    text = get(day, statement, "mt940").decode()
    (read,) = mt940.parse_statements(text, options=mt940.Options.all())
    amounts = [one.data["amount"].amount for one in read.transactions]
    pence = [int(amount * 100) for amount in amounts]
    assert -750 in pence
    assert 50 in pence
    closing = read.data["final_closing_balance"].amount.amount
    opening = read.data["final_opening_balance"].amount.amount
    assert int((closing - opening) * 100) == sum(pence)


def test_bai2_is_read_with_its_totals(day: BankDay, statement: str) -> None:
    content = get(day, statement, "bai2").decode()
    file = bai2.parse_from_string(content, check_integrity=True)
    (account,) = file.children[0].children
    amounts = [
        -one.amount if one.type_code.transaction.value == "debit" else one.amount
        for one in account.children
    ]
    assert -750 in amounts
    summary = {one.type_code.code: one.amount for one in account.header.summary_items}
    assert summary["015"] - summary["010"] == sum(amounts)


def test_data_services_is_read_with_its_totals(day: BankDay, statement: str) -> None:
    lines = get(day, statement, "data-services").decode().splitlines()
    file = data_services.parse(lines)
    assert file.is_valid()
    assert [record.amount for record in file.account.records if record.is_debit()] == [750]


def test_csv_adds_up(day: BankDay, statement: str) -> None:
    rows = list(csv.DictReader(io.StringIO(get(day, statement, "csv").decode())))
    pence = [int(row["Amount"].replace(".", "")) for row in rows]
    balances = [int(row["Balance"].replace(".", "")) for row in rows]
    assert -750 in pence
    assert balances[-1] - balances[0] == sum(pence[1:])
    assert all(re.fullmatch(r"\d\d/\d\d/\d{4}", row["Date"]) for row in rows)


def test_another_format_is_not_there(day: BankDay, statement: str) -> None:
    answer = day.http.get(f"/statements/{statement}", params={"format": "pdf"})
    assert answer.status_code == 404


def test_the_page_shows_and_orders(day: BankDay, statement: str) -> None:
    page = day.http.get("/").text
    assert statement in page
    assert "acknowledge the file and forget it" in page
    day.http.post("/order-fault", data={"kind": "refuse", "times": "2"}, follow_redirects=True)
    assert "refuse the file: 2" in day.http.get("/").text
    day.http.post("/order-outage", data={"away": "true"})
    assert "closed to its customers" in day.http.get("/").text
    assert day.http.get("/reports").status_code == 503
    day.http.post("/order-outage", data={"away": "false"})
    assert day.http.get("/reports").status_code == 200
