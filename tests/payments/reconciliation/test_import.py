"""Importing by the console: the format is found, a table asks for its columns once."""

import contextlib
from collections.abc import Callable

import pytest
from sqlalchemy import text

from payments.reconciliation import actions, tasks
from payments.reconciliation.actions import import_statements
from payments.reconciliation.queries import list_exceptions, list_statements, prove
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict
from tests.payments.bank.bank_day import BODY, NOW, BankDay
from tests.payments.reconciliation.test_desk import MORAG
from tests.payments.reconciliation.test_formats import BAI2, CSV, MT, OFX_1
from tests.payments.runs.console import Console

Open = Callable[..., Console]
COLUMNS = {
    "day": "Date",
    "money_in": "Money in",
    "money_out": "Money out",
    "reference": "Details",
    "balance": "Balance",
    "day_format": "dd/mm/yyyy",
    "separator": "comma",
}


def send(who: Console, path: str, content: bytes, **form: str) -> str:
    who.get(path)
    form["csrf_token"] = who.hidden("csrf_token")
    answer = who.client.post(path, data=form, files={"file": ("file", content)})
    who.status, who.html = answer.status_code, answer.text
    return answer.text


def count(day: BankDay, table: str) -> int:
    with day.database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_table_asks_for_its_columns_once(console: Open, day: BankDay) -> None:
    morag = console(MORAG)
    html = send(morag, "/payments/reconciliation/import", CSV.encode(), account=str(day.account))
    assert "What the columns hold" in html
    page = f"/payments/reconciliation/columns/{day.account}"
    assert "Money out" in send(morag, page, CSV.encode(), do="try")
    assert "Choose the column of the amount" in send(
        morag, page, CSV.encode(), do="save", day="Date", separator="comma"
    )
    assert morag.status == 422
    assert count(day, "csv_mapping") == 0
    assert "£12.34" in send(morag, page, CSV.encode(), do="try", **COLUMNS)
    assert count(day, "csv_mapping") == 0
    send(morag, page, CSV.encode(), do="save", **COLUMNS)
    assert count(day, "csv_mapping") == 1
    html = send(morag, "/payments/reconciliation/import", CSV.encode(), account=str(day.account))
    assert "imported and reconciled" in html
    html = send(morag, "/payments/reconciliation/import", CSV.encode(), account=str(day.account))
    assert "Nothing was changed" in html


@pytest.mark.parametrize(
    ("content", "state", "lines"),
    [
        (BAI2.encode(), "reconciled", 2),
        (BAI2.replace("49,1060000", "49,1060001").encode(), "totals", 2),
        (OFX_1.encode(), "reconciled", 2),
        (MT.encode(), "reconciled", 1),
        (
            MT.replace(":60F:C261124GBP1,00\n", ":34F:GBP0,00\n")
            .replace("\n:62F:C261125GBP0,00", "")
            .encode(),
            "set_aside",
            1,
        ),
    ],
    ids=["bai2", "bai2-wrong-totals", "ofx", "mt940", "mt942"],
)
def test_each_format_is_imported(day: BankDay, content: bytes, state: str, lines: int) -> None:
    entries = count(day, "entry")
    with day.database.transaction() as session:
        import_statements(
            session, day.vault, BODY, "file", content, SYSTEM, NOW, account_id=day.account
        )
    with day.database.transaction() as session:
        (one,) = list_statements(session, BODY)
        assert (one.state, one.line_count) == (state, lines)
        found = [problem.code for problem in list_exceptions(session, BODY)]
    if state == "totals":
        assert found == ["TOTALS_WRONG"]
    if state != "reconciled":
        assert count(day, "entry") == entries
    again = import_again(day, content, MORAG)
    assert again == "replay"


def import_again(day: BankDay, content: bytes, actor: Actor) -> str:
    with day.database.transaction() as session:
        imported = import_statements(
            session, day.vault, BODY, "file", content, actor, NOW, account_id=day.account
        )
    return "replay" if imported.replay else "new"


@pytest.mark.parametrize("format_", ["mt940", "bai2", "data-services"])
def test_the_simulated_banks_other_formats_are_read_and_book_nothing_twice(
    day: BankDay, format_: str
) -> None:
    movement = {
        "sort_code": "802260",
        "account_number": "00112233",
        "pence": 4_200,
        "reference": "WHO KNOWS",
    }
    day.http.post("/admin/movements", json=movement).raise_for_status()
    day.next_day()
    answer = day.http.get("/statements/ST00112233-00001", params={"format": format_})
    answer.raise_for_status()
    assert import_again(day, answer.content, MORAG) == "new"
    with day.database.transaction() as session:
        (one,) = list_statements(session, BODY)
        assert (one.state, one.movement_pence) == ("reconciled", 4_200)
        assert prove(session, BODY).holds
    before = count(day, "entry")
    camt = day.http.get("/statements/ST00112233-00001").content
    with contextlib.suppress(Conflict):
        import_again(day, camt, MORAG)
    assert count(day, "entry") == before


def test_a_very_large_file_is_matched_by_the_worker(
    day: BankDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_AT_ONCE", 1)
    assert import_again(day, OFX_1.encode(), MORAG) == "new"
    with day.database.transaction() as session:
        assert [one.state for one in list_statements(session, BODY)] == ["waiting"]
        asked = text("SELECT payload->>'account_id' FROM outbox WHERE topic LIKE '%.match'")
        assert session.execute(asked).scalar_one() == str(day.account)
    job = day.job(day.account)
    job.payload = {"account_id": str(day.account)}
    for _ in range(2):
        tasks.match(job)
        with day.database.transaction() as session:
            assert [one.state for one in list_statements(session, BODY)] == ["reconciled"]
            assert prove(session, BODY).holds
