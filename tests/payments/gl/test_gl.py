"""Journals: numbered, whole, the same bytes every time, and no posting twice."""

import csv
import hashlib
import io
from collections.abc import Callable
from datetime import date
from uuid import UUID

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from payments.gl.actions import acknowledge, compute_export, make_export, save_settings
from payments.gl.files import write_csv, write_fixed, write_xlsx
from payments.gl.queries import get_export, list_accounts, read_lines
from payments.gl.rules import (
    TEMPLATES,
    GlSettings,
    JournalLine,
    check_settings,
    csv_line,
    escape_cell,
    make_cells,
)
from payments.ledger import bulk
from payments.ledger.actions import post_entries
from payments.ledger.rules import transfer
from payments.ledger.seal.sealing import seal
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared.db import Database
from shared.errors import Conflict, Invalid
from tests.payments.ledger.runs import DAY, make_run
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, ENID, NOW, UNA, staff

RITA = staff("Rita", RECONCILER)
ADA = staff("Ada", ADMINISTRATOR)
AUDRA = staff("Audra", AUDITOR)


def settings_for(database: Database, **changes: object) -> GlSettings:
    with database.transaction() as session:
        codes = {code: f"9{n:03d}" for n, code in enumerate(list_accounts(session, BODY))}
    values: dict[str, object] = {"constants": {"entity": "100"}, "account_codes": codes}
    return GlSettings(**(values | changes))  # type: ignore[arg-type]  # members by name


def set_up(database: Database, **changes: object) -> GlSettings:
    settings = settings_for(database, **changes)
    with database.transaction() as session:
        save_settings(session, BODY, settings, ADA, NOW)
    return settings


def post(database: Database, amounts: list[int], gl_code: str = "4100-EDU-7") -> None:
    with database.transaction() as session:
        run, ids = make_run(session, amounts)
        session.execute(text("UPDATE payment SET gl_code = :code"), {"code": gl_code})
        bulk.post_approved(session, BODY, run, 1, ids[0], ids[-1], DAY)
    with database.transaction() as session:
        seal(session, NOW)


def make(database: Database) -> int:
    with database.transaction() as session:
        number = make_export(session, BODY, RITA, NOW)
    with database.transaction() as session:
        compute_export(session, get_export(session, BODY, number).id, NOW)
    return number


def content(database: Database, number: int) -> bytes:
    with database.transaction() as session:
        export = get_export(session, BODY, number)
        return b"".join(write_csv(read_lines(session, export), export.settings))


def count(database: Database) -> int:
    with database.transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM gl_export")).scalar_one())


def test_a_journal_has_each_posting_once_and_balances(database: Database) -> None:
    set_up(database)
    post(database, [100, 250])
    number = make(database)
    rows = list(csv.DictReader(io.StringIO(content(database, number).decode())))
    assert [row["ENTRY"] for row in rows] == ["2026/1", "2026/1", "2026/2", "2026/2"]
    assert [(row["DEBIT"], row["CREDIT"]) for row in rows[:2]] == [("1.00", ""), ("", "1.00")]
    first = rows[0]
    assert (first["ENTITY"], first["ACCOUNT"], first["COST_CENTRE"]) == ("100", "4100", "EDU")
    assert rows[1]["ACCOUNT"].startswith("9")
    assert first["PERIOD"] == "2026-11"
    with database.transaction() as session:
        export = get_export(session, BODY, number)
    assert (export.lines, export.debit_pence) == (4, 350)
    assert export.sha256 == hashlib.sha256(content(database, number)).hexdigest()


def test_the_next_journal_takes_what_is_new_and_the_first_stays_as_it_was(
    database: Database,
) -> None:
    settings = set_up(database)
    post(database, [100])
    first = make(database)
    before = content(database, first)
    with pytest.raises(Conflict, match="gl_nothing_new"):
        make(database)
    post(database, [7, 8])
    set_up(database, template="sap", account_codes={**settings.account_codes})
    assert make(database) == first + 1
    assert content(database, first) == before
    rows = list(csv.DictReader(io.StringIO(content(database, first + 1).decode())))
    assert [row["ZUONR"] for row in rows] == ["2026/2", "2026/2", "2026/3", "2026/3"]
    assert [row["SHKZG"] for row in rows] == ["S", "H", "S", "H"]
    assert count(database) == 2


def test_totals_are_a_line_for_each_account_code_and_event(database: Database) -> None:
    set_up(database, detail="totals")
    post(database, [100, 250, 7])
    rows = list(csv.DictReader(io.StringIO(content(database, make(database)).decode())))
    assert sorted((row["DEBIT"], row["CREDIT"]) for row in rows) == [("", "3.57"), ("3.57", "")]
    assert {row["ENTRY"] for row in rows} == {"2026/1-3"}


def test_a_used_account_without_code_stops_the_journal(database: Database) -> None:
    set_up(database, account_codes={"payments_approved": "9000"})
    post(database, [100])
    with pytest.raises(Invalid) as caught:
        make(database)
    assert [fault.field for fault in caught.value.fields] == ["programme_expenditure"]
    assert count(database) == 0


def test_nothing_is_made_before_somebody_says_how(database: Database) -> None:
    post(database, [100])
    with pytest.raises(Conflict, match="gl_not_set_up"):
        make(database)


def test_what_has_no_number_waits(database: Database) -> None:
    set_up(database)
    with database.transaction() as session:
        draft = transfer("x", "1", DAY, "in_transit", "payments_approved", 1)
        post_entries(session, BODY, [draft], "test")
    with pytest.raises(Conflict, match="gl_nothing_new"):
        make(database)


def test_an_answer_is_recorded_once(database: Database) -> None:
    set_up(database)
    post(database, [100])
    number = make(database)
    with database.transaction() as session:
        acknowledge(session, BODY, number, " JE-4711 ", RITA, NOW)
    with pytest.raises(Conflict, match="gl_acknowledged"), database.transaction() as session:
        acknowledge(session, BODY, number, "other", RITA, NOW)
    with database.transaction() as session:
        assert get_export(session, BODY, number).acknowledgement == "JE-4711"


def test_the_database_lets_no_entry_into_two_journals(database: Database) -> None:
    set_up(database)
    post(database, [100, 200])
    make(database)
    again = text(
        "INSERT INTO gl_export (id, body, number, year, first_number, last_number, settings,"
        " made_by_id, made_by_name, made_at) SELECT gen_random_uuid(), body, 2, year, 2, 2,"
        " settings, '', '', now() FROM gl_export"
    )
    with pytest.raises(Exception, match="ex_gl_export_numbers"), database.transaction() as session:
        session.execute(again)
    with pytest.raises(Exception, match="permission denied"), database.transaction() as session:
        session.execute(text("UPDATE gl_export SET first_number = 9"))


def line(**changes: object) -> JournalLine:
    values: dict[str, object] = {
        "entry": "2026/1",
        "period": date(2026, 11, 1),
        "day": DAY,
        "account": "in_transit",
        "code": "4100-EDU-7",
        "category": "payment.approved",
        "description": "=cmd|' /C calc'!A0",
        "amount_pence": 123456,
    }
    return JournalLine(**(values | changes))  # type: ignore[arg-type]  # members by name


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_each_template_makes_each_file_twice_the_same(template: str) -> None:
    settings = GlSettings(template=template, constants={"entity": "100"})
    lines = [line(), line(amount_pence=-123456)]
    assert write_xlsx(lines, settings, 2) == write_xlsx(lines, settings, 2)
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(lines, settings, 2))).active
    assert sheet is not None
    rows = list(sheet.values)
    assert rows[0] == tuple(one.heading for one in TEMPLATES[template])
    assert len(rows) == 3
    assert 1234.56 in rows[1]
    assert "'=cmd|' /C calc'!A0" in rows[1]
    fixed = b"".join(write_fixed(lines, settings)).decode().split("\r\n")
    assert {len(one) for one in fixed if one} == {sum(one.width for one in TEMPLATES[template])}
    assert b"".join(write_csv(lines, settings)).count(b"\r\n") == 3


def test_a_code_that_is_too_long_for_a_fixed_column_is_refused() -> None:
    with pytest.raises(Invalid):
        list(write_fixed([line(code="1" * 40)], GlSettings()))


def test_a_sheet_has_an_end() -> None:
    with pytest.raises(Invalid, match="CSV"):
        write_xlsx([], GlSettings(), 1_048_576)


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_any_cell_comes_back_and_none_is_a_formula(cells: list[str]) -> None:
    back = next(csv.reader(io.StringIO(csv_line(cells), newline="")), [])
    assert back == [escape_cell(cell) for cell in cells] or cells == [""]
    assert not any(cell.startswith(("=", "@", "+", "-")) for cell in back)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template": "lotus"}, "template"),
        ({"detail": "poem"}, "detail"),
        ({"code_separator": ""}, "code_separator"),
        ({"code_segments": ("account", "account")}, "code_segments"),
        ({"code_segments": ("fund",)}, "code_segments"),
        ({"constants": {"fund": "1"}}, "code_segments"),
    ],
    ids=["template", "detail", "separator", "twice", "unknown", "constant"],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_settings(GlSettings(**changes))  # type: ignore[arg-type]  # members by name
    assert [fault.field for fault in caught.value.fields] == [field]


def test_a_line_without_code_is_refused() -> None:
    with pytest.raises(Invalid):
        make_cells(line(code=""), GlSettings())


def test_a_journal_from_page_to_answer(database: Database, console: Callable[..., Console]) -> None:
    post(database, [100, 250])
    admin, rita, audra = console(ADA), console(RITA), console(AUDRA)
    admin.get("/payments/gl/settings")
    with database.transaction() as session:
        accounts = list_accounts(session, BODY)
    form = {f"code_{code}": f"9{n:03d}" for n, code in enumerate(accounts)}
    more = {"template": "cipfa", "detail": "postings", "constants": "entity=100\nvat_code=E"}
    wrong = admin.post("/payments/gl/settings", **form, **more, code_separator="", code_segments="")
    assert admin.status == 422
    assert "Enter a separator" in wrong
    admin.post("/payments/gl/settings", **form, **more, code_separator="-", code_segments="account")
    assert admin.status == 200
    rita.get("/payments/gl")
    rita.post("/payments/gl")
    assert rita.status == 422
    assert "The code 4100-EDU-7 of payments has 3 parts for 1 segments" in rita.html
    assert count(database) == 0
    admin.get("/payments/gl/settings")
    segments = "account cost_centre objective"
    admin.post("/payments/gl/settings", **form, **more, code_separator="-", code_segments=segments)
    assert "2" in rita.get("/payments/gl")
    rita.post("/payments/gl")
    assert "being made" in rita.html
    with database.transaction() as session:
        export_id: UUID = get_export(session, BODY, 1).id
        compute_export(session, export_id, NOW)
    page = rita.get("/payments/gl/exports/1")
    assert "£3.50" in page
    answer = rita.client.get("/payments/gl/exports/1/file?kind=csv")
    assert answer.content == content(database, 1)
    assert rita.client.get("/payments/gl/exports/1/file?kind=xlsx").content[:2] == b"PK"
    assert rita.client.get("/payments/gl/exports/1/file?kind=txt").status_code == 200
    assert rita.client.get("/payments/gl/exports/1/file?kind=pdf").status_code == 404
    rita.get("/payments/gl/exports/1")
    rita.post("/payments/gl/exports/1/acknowledge", reference="")
    assert rita.status == 422
    rita.post("/payments/gl/exports/1/acknowledge", reference="JE-1")
    assert "JE-1" in rita.html
    assert "JE-1" in audra.get("/payments/gl/exports/1")
    assert "Make the next journal" not in audra.get("/payments/gl")


@pytest.mark.parametrize("person", [UNA, ENID], ids=["uploader", "enquiry"])
def test_journals_are_for_their_roles(console: Callable[..., Console], person: object) -> None:
    other = console(person)
    other.get("/payments/gl")
    assert other.status == 403
