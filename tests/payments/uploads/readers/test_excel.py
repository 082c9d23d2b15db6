"""Excel workbooks, and archives that only look like one."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.uploads.readers.base import MappingNeededError
from payments.uploads.rules import PROBLEM, ReadError
from tests.payments.uploads.files import HEADER, ROW
from tests.payments.uploads.readers.reading import column, read

# What openpyxl thinks of a damaged part; the reader's own verdict is what counts.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")


def workbook(rows: Sequence[Sequence[object]], header: str = HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header.split(","))
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(content: bytes, name: str, part: bytes) -> bytes:
    """Return a workbook with one part replaced."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            new.writestr(member, part if member == name else old.read(member))
    return out.getvalue()


GOOD = workbook([ROW])
SHEET = "xl/worksheets/sheet1.xml"


def test_texts_and_numbers_are_read() -> None:
    records, _ = read(workbook([ROW, (990001, 10000012, "Name", 12.5, 77)]), "xlsx")
    assert column(records, "amount") == ["12.50", "12.5"]
    assert column(records, "destination_account_number") == ["10000012", "10000012"]
    assert column(records, "reference") == ["GRANT-0001", "77"]
    assert [fields[PROBLEM] for _, fields in records] == ["", ""]
    assert [line for line, _ in records] == [2, 3]


def test_an_amount_of_three_decimals_stays_one() -> None:
    records, _ = read(workbook([(*ROW[:3], 12.345, "REF")]), "xlsx")
    assert column(records, "amount") == ["12.345"]


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ((10001, "10000012", "N", 1, "R"), "lost its leading zeros"),
        (("990001", 12345, "N", 1, "R"), "lost its leading zeros"),
        ((True, "10000012", "N", 1, "R"), "logical value"),
        ((date(2026, 1, 1), "10000012", "N", 1, "R"), "became a date"),
        (("990001", "10000012", "N", datetime(2026, 1, 1), "R"), "became a date"),  # noqa: DTZ001 - cells have no zone
        (("990001", "10000012", "N", 1, date(2026, 1, 1)), "became a date"),
    ],
    ids=["sort code", "account", "logical", "sort code date", "amount date", "reference date"],
)
def test_what_cells_lost_is_told(row: tuple[object, ...], advice: str) -> None:
    records, _ = read(workbook([row]), "xlsx")
    assert advice in records[0][1][PROBLEM]


def test_dates_of_cells_are_days() -> None:
    content = workbook([(*ROW, date(2026, 12, 1))], f"{HEADER},execution_date")
    records, _ = read(content, "xlsx")
    assert column(records, "execution_date") == ["2026-12-01"]
    number = workbook([(*ROW, 46357)], f"{HEADER},execution_date")
    assert "format the column as a date" in read(number, "xlsx")[0][0][1][PROBLEM]


def test_a_foreign_heading_needs_a_mapping() -> None:
    with pytest.raises(MappingNeededError):
        read(workbook([ROW], "a,b,c,d,e"), "xlsx")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an Excel workbook"),
        (b"PK\x03\x04 no", "not an Excel workbook"),
        (GOOD[:-200], "not an Excel workbook"),
        (repacked(GOOD, SHEET, b"<!DOCTYPE a><worksheet/>"), "document type"),
        (repacked(GOOD, SHEET, b"<worksheet><!ENTITY"), "document type"),
        (repacked(GOOD, SHEET, "<worksheet/>".encode("utf-16")), "not UTF-8"),
        (repacked(GOOD, SHEET, b"<worksheet"), "damaged"),
        (repacked(GOOD, "xl/workbook.xml", b"<x/>"), "."),
    ],
    ids=["empty", "magic", "cut", "doctype", "entity", "utf-16", "sheet", "book"],
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read(content, "xlsx")


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"a" * 49_000_000)
    with pytest.raises(ReadError, match="unpacks to more"):
        read(out.getvalue(), "xlsx")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_no_change_of_the_archive_breaks_the_reader(at: int, change: bytes) -> None:
    _try(GOOD[:at] + change + GOOD[at + len(change) :])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_change_of_the_sheet_breaks_the_reader(data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        name = data.draw(st.sampled_from(sorted(archive.namelist())))
        part = archive.read(name)
    at = data.draw(st.integers(0, max(len(part) - 1, 0)))
    change = data.draw(st.binary(max_size=12))
    _try(repacked(GOOD, name, part[:at] + change + part[at + len(change) :]))


def _try(content: bytes) -> None:
    try:
        read(content, "xlsx")
    except (ReadError, MappingNeededError) as error:
        assert str(error)  # noqa: PT017 - it says something
