"""VAT on each line, segments that fit, journals by hand in the export: the exact lines."""

import io
from collections.abc import Callable
from datetime import date

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from payments.gl.actions import compute_export, make_export, save_settings
from payments.gl.files import write_csv, write_fixed, write_xlsx
from payments.gl.queries import get_export, get_settings, list_accounts, read_lines
from payments.gl.rules import GlSettings, JournalLine, check_settings, columns_of, read_settings
from payments.gl.segments import account_faults, code_faults, constant_faults
from payments.gl.vat import VatPlan, parse_codes, read_vat, show_codes, vat_faults
from payments.ledger import bulk
from payments.ledger.seal.sealing import seal
from payments.runs.rules import ADMINISTRATOR, RECONCILER
from shared.db import Database
from shared.errors import Invalid
from tests.payments.gl.journals.desk import ask, open_fees
from tests.payments.gl.journals.desk import post as post_journal
from tests.payments.ledger.runs import DAY, make_run
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, NOW, staff

ADA, RITA = staff("Ada", ADMINISTRATOR), staff("Rita", RECONCILER)
VAT = VatPlan(
    "O",
    {"S": True, "E": False, "O": False},
    {"big-grant": "E"},
    {"programme_expenditure": "S", "own.fees": "S"},
)
CONSTANTS = {"entity": "100"}
LINES = (
    JournalLine(
        "2026/1", date(2026, 11, 1), DAY, "programme_expenditure", "4100-EDU-7", "payment.approved",
        "=cmd", 123_456, "big-grant",
    ),
    JournalLine(
        "2026/1", date(2026, 11, 1), DAY, "payments_approved", "", "payment.approved", 'a, "b"',
        -123_456,
    ),
    JournalLine("2026/2", date(2026, 11, 1), DAY, "own.fees", "", "journal.posted", "Fees", 5),
)  # fmt: skip
CODES = {"payments_approved": "9000", "own.fees": "6200-FIN"}


def settings(template: str, vat: VatPlan = VAT) -> GlSettings:
    return GlSettings(template, constants=CONSTANTS, account_codes=CODES, vat=vat)


EXPECTED = {
    "oracle": [
        (
            "UPLOAD,ENTITY,COST_CENTRE,ACCOUNT,OBJECTIVE,ANALYSIS,INTERCOMPANY,SPARE,DEBIT,CREDIT,"
            "DESCRIPTION,PERIOD,SOURCE,CATEGORY,ENTRY,VAT_CODE,VAT_RECOVERABLE"
        ),
        ",100,EDU,4100,7,,,,1234.56,,'=cmd,2026-11,,payment.approved,2026/1,E,N",
        ',100,,9000,,,,,,1234.56,"a, ""b""",2026-11,,payment.approved,2026/1,O,N',
        ",100,FIN,6200,,,,,0.05,,Fees,2026-11,,journal.posted,2026/2,S,Y",
    ],
    "sap": [
        (
            "BLDAT,BUDAT,BLART,BUKRS,WAERS,MONAT,SHKZG,HKONT,WRBTR,KOSTL,AUFNR,ZUONR,SGTXT,MWSKZ,"
            "VAT_RECOVERABLE"
        ),
        "2026-11-23,2026-11-23,,100,GBP,2026-11,S,4100,1234.56,EDU,7,2026/1,'=cmd,E,N",
        '2026-11-23,2026-11-23,,100,GBP,2026-11,H,9000,1234.56,,,2026/1,"a, ""b""",O,N',
        "2026-11-23,2026-11-23,,100,GBP,2026-11,S,6200,0.05,FIN,,2026/2,Fees,S,Y",
    ],
    "cipfa": [
        (
            "FUND,SERVICE,COST_CENTRE,SUBJECTIVE,ANALYSIS,VAT_CODE,VAT_RECOVERABLE,DEBIT,CREDIT,"
            "NARRATIVE,PERIOD,REFERENCE"
        ),
        "100,7,EDU,4100,,E,N,1234.56,,'=cmd,2026-11,2026/1",
        '100,,,9000,,O,N,,1234.56,"a, ""b""",2026-11,2026/1',
        "100,,FIN,6200,,S,Y,0.05,,Fees,2026-11,2026/2",
    ],
}


@pytest.mark.parametrize("template", sorted(EXPECTED))
def test_the_lines_of_each_template_to_the_letter(template: str) -> None:
    written = b"".join(write_csv(LINES, settings(template))).decode()
    assert written.split("\r\n") == [*EXPECTED[template], ""]


@pytest.mark.parametrize("template", sorted(EXPECTED))
def test_workbook_and_fixed_width_carry_the_same_vat(template: str) -> None:
    ours = settings(template)
    columns = columns_of(ours)
    at = [column.source for column in columns].index("vat_code")
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(LINES, ours, len(LINES)))).active
    assert sheet is not None
    assert [(row[at], row[at + 1]) for row in sheet.values][1:] == [
        ("E", "N"),
        ("O", "N"),
        ("S", "Y"),
    ]
    start = sum(column.width for column in columns[:at])
    fixed = b"".join(write_fixed(LINES, ours)).decode().split("\r\n")[:-1]
    assert [line[start : start + 23] for line in fixed] == [
        f"{code:<8}{recoverable:<15}" for code, recoverable in (("E", "N"), ("O", "N"), ("S", "Y"))
    ]
    assert {len(line) for line in fixed} == {sum(column.width for column in columns)}


def test_without_codes_a_journal_looks_as_it_did_before_there_was_vat() -> None:
    before = {key: value for key, value in settings("oracle").as_json().items() if key != "vat"}
    old = read_settings(before)
    assert not old.vat.is_set
    head = b"".join(write_csv([], old)).decode().strip()
    assert head == EXPECTED["oracle"][0].removesuffix(",VAT_CODE,VAT_RECOVERABLE")
    constant = GlSettings("cipfa", constants={"vat_code": "E"}, account_codes=CODES)
    assert b",E,,0.05" in b"".join(write_csv(LINES[2:], constant))


def test_a_plan_comes_back_as_it_was_stored() -> None:
    ours = settings("sap")
    assert read_settings(ours.as_json()).vat == VAT
    assert read_vat(None) == read_vat({}) == VatPlan()
    assert parse_codes(show_codes(VAT)) == (VAT.codes, [])


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (VatPlan("", {"S": True}), "vat_default"),
        (VatPlan("X", {"S": True}), "vat_default"),
        (VatPlan("S", {"S": True}, {"big-grant": "X"}), "vat_programme_big-grant"),
        (VatPlan("S", {"S": True}, {}, {"own.fees": "X"}), "vat_account_own.fees"),
        (VatPlan("S"), "vat_default"),
        (VatPlan("s", {"s": True}), "vat_codes"),
    ],
    ids=["no_default", "default", "programme", "account", "no_codes", "letters"],
)
def test_a_plan_that_cannot_work_is_refused(plan: VatPlan, field: str) -> None:
    assert [fault.field for fault in vat_faults(plan)] == [field]
    with pytest.raises(Invalid):
        check_settings(settings("oracle", plan))


@pytest.mark.parametrize("typed", ["S", "S=maybe", "=yes", "TOOLONGCODE=yes", "S=yes\nS=no"])
def test_codes_are_typed_one_to_a_line(typed: str) -> None:
    assert [fault.field for fault in parse_codes(typed)[1]] == ["vat_codes"]


@given(st.text(max_size=60))
def test_any_text_is_codes_or_refused(typed: str) -> None:
    codes, faults = parse_codes(typed)
    assert faults or not vat_faults(VatPlan(next(iter(codes), ""), codes))


def test_constants_of_vat_and_codes_of_vat_exclude_each_other() -> None:
    both = GlSettings("cipfa", constants={"vat_code": "E"}, vat=VAT)
    with pytest.raises(Invalid) as caught:
        check_settings(both)
    assert [fault.field for fault in caught.value.fields] == ["code_segments"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1-2-3-4", "has 4 parts for 3 segments"),
        ("4100--7", "has nothing for cost_centre"),
        ("1234567890123", "has more than 12 characters for account"),
        ("41\u202e00", "cannot be printed"),
    ],
    ids=["parts", "empty", "long", "hidden"],
)
def test_a_code_has_to_fit_its_columns(database: Database, code: str, said: str) -> None:
    bad = GlSettings("oracle", account_codes={"in_transit": code})
    assert [said in one for one in code_faults(code, bad)] == [True]
    assert [fault.field for fault in account_faults(bad)] == ["account_codes"]
    with pytest.raises(Invalid), database.transaction() as session:
        save_settings(session, BODY, bad, ADA, NOW)
    with database.transaction() as session:
        assert get_settings(session, BODY) is None


def test_a_constant_has_to_fit_its_column() -> None:
    bad = GlSettings("oracle", constants={"entity": "x" * 11, "upload": "O"})
    assert [fault.field for fault in constant_faults(bad)] == ["constants"]


def set_up(database: Database, **changes: object) -> None:
    with database.transaction() as session:
        codes = dict.fromkeys(list_accounts(session, BODY), "9000")
        values: dict[str, object] = {"constants": CONSTANTS, "account_codes": codes, "vat": VAT}
        ours = GlSettings(**(values | changes))  # type: ignore[arg-type]  # members by name
        save_settings(session, BODY, ours, ADA, NOW)


def export(database: Database) -> list[str]:
    with database.transaction() as session:
        number = make_export(session, BODY, RITA, NOW)
    with database.transaction() as session:
        compute_export(session, get_export(session, BODY, number).id, NOW)
    with database.transaction() as session:
        made = get_export(session, BODY, number)
        lines = b"".join(write_csv(read_lines(session, made), made.settings)).decode()
        again = b"".join(write_csv(read_lines(session, made), made.settings)).decode()
    assert lines == again
    return lines.split("\r\n")[1:-1]


def book(database: Database, *, gl_code: str = "4100-EDU-7") -> None:
    with database.transaction() as session:
        run, ids = make_run(session, [100, 250])
        session.execute(text("UPDATE payment SET gl_code = :code"), {"code": gl_code})
        bulk.post_approved(session, BODY, run, 1, ids[0], ids[-1], DAY)
    open_fees(database)
    post_journal(database, ask(database))
    with database.transaction() as session:
        seal(session, NOW)


def test_an_export_carries_the_programmes_vat_and_the_journals_words(database: Database) -> None:
    book(database)
    set_up(database)
    lines = export(database)
    assert len(lines) == 6
    costs = [line for line in lines if line.startswith(",100,EDU,4100,7,")]
    assert len(costs) == 2
    assert all(line.endswith(",E,N") for line in costs)
    owed = [line for line in lines if ",O,N" in line]
    assert len(owed) == 2
    journal = [line for line in lines if "journal.posted" in line]
    assert journal == [
        (
            ',100,,9000,,,,,123.45,,"Journal 1: Fees of November, Heating of the hall",2026-11,,'
            "journal.posted,2026/3,S,Y"
        ),
        ",100,,9000,,,,,,123.45,Journal 1: Fees of November,2026-11,,journal.posted,2026/3,S,Y",
    ]


def test_totals_are_apart_by_programme_where_vat_is(database: Database) -> None:
    book(database)
    set_up(database, detail="totals")
    lines = export(database)
    assert len(lines) == 4
    assert sorted(line[-3:] for line in lines) == ["E,N", "O,N", "S,Y", "S,Y"]


def test_a_payments_code_that_does_not_fit_stops_the_export(database: Database) -> None:
    book(database, gl_code="4100-EDU-7-8")
    set_up(database)
    with pytest.raises(Invalid) as caught, database.transaction() as session:
        make_export(session, BODY, RITA, NOW)
    assert "4100-EDU-7-8" in caught.value.fields[0].message
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM gl_export")).scalar_one() == 0


def test_an_administrator_sets_the_codes_of_vat(
    database: Database, console: Callable[..., Console]
) -> None:
    ada = console(ADA)
    page = ada.get("/payments/gl/settings")
    assert 'id="vat_programme_big-grant"' in page
    form = {
        "template": "oracle",
        "detail": "postings",
        "code_separator": "-",
        "code_segments": "account",
        "vat_codes": "S=yes\nE=no",
        "vat_default": "E",
        "vat_programme_big-grant": "S",
        "vat_account_in_transit": "Q",
    }
    page = ada.post("/payments/gl/settings", **form)
    assert ada.status == 422
    assert 'href="#vat_account_in_transit"' in page
    page = ada.post("/payments/gl/settings", **(form | {"vat_codes": "S=perhaps"}))
    assert ada.status == 422
    assert "S=perhaps" in page
    with database.transaction() as session:
        assert get_settings(session, BODY) is None
    ada.post("/payments/gl/settings", **(form | {"vat_account_in_transit": ""}))
    assert ada.status == 200
    with database.transaction() as session:
        saved = get_settings(session, BODY)
    assert saved is not None
    assert saved.vat == VatPlan("E", {"S": True, "E": False}, {"big-grant": "S"}, {})
    assert "S=yes" in ada.get("/payments/gl/settings")
