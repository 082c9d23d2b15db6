"""CSV as people save it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.uploads.readers.base import MappingNeededError
from payments.uploads.readers.delimited import BUREAU
from payments.uploads.rules import NEEDED, PROBLEM, WIDTH, Mapping, ReadError
from tests.payments.uploads.files import HEADER, ROW, csv_of
from tests.payments.uploads.readers.reading import column, read

BUREAU_ROW = "990001,10000012,MORAG FICTIONAL,12.50,99,990000,90000001,COUNCIL,GRANT-1,01/12/2026"


@pytest.mark.parametrize(
    "content",
    [
        csv_of([ROW]),
        csv_of([ROW]).replace(b"\r\n", b"\n"),
        csv_of([ROW]).rstrip(),
        b"\xef\xbb\xbf" + csv_of([ROW]),
        csv_of([ROW]).replace(b",", b";"),
        csv_of([ROW]).replace(b",", b"\t"),
        csv_of([ROW]).replace(b"Morag Fictional", b'"Morag Fictional"'),
        csv_of([ROW], HEADER.upper().replace("_", " ")),
        csv_of([ROW]) + b"\r\n,,,,\r\n"[:2],
    ],
    ids=["crlf", "lf", "no end", "bom", "semicolons", "tabs", "quoted", "heading", "blank line"],
)
def test_one_row_in_many_shapes(content: bytes) -> None:
    records, reader = read(content)
    assert [(line, fields[:5]) for line, fields in records] == [(2, list(ROW))]
    assert reader.warnings == {}


def test_quoted_fields_hold_commas_quotes_and_lines() -> None:
    content = f'{HEADER}\r\n990001,10000012,"O""Fictional, M\r\nSecond",1.00,A\r\n' + ",".join(ROW)
    records, _ = read(content.encode())
    assert column(records, "destination_name") == ['O"Fictional, M\r\nSecond', ROW[2]]
    assert [line for line, _ in records] == [2, 4]


def test_windows_1252_is_read_with_a_warning() -> None:
    content = csv_of([(*ROW[:2], "Seònaid Meadhan", *ROW[3:])]).decode().encode("cp1252")
    records, reader = read(content)
    assert column(records, "destination_name") == ["Seònaid Meadhan"]
    assert reader.warnings == {"windows_1252": 1}


def test_columns_may_come_in_any_order() -> None:
    header = "gl_code,amount,reference,destination_name,destination_account_number"
    content = f"{header},destination_sort_code\n4100,1.00,REF,Name,10000012,990001\n"
    records, _ = read(content.encode())
    assert column(records, "gl_code") == ["4100"]
    assert column(records, "destination_sort_code") == ["990001"]


def test_unknown_columns_are_not_ignored() -> None:
    with pytest.raises(MappingNeededError) as caught:
        read(csv_of([(*ROW, "blue")], f"{HEADER},colour"))
    assert caught.value.unknown == ["colour"]
    assert caught.value.rows[1] == [*ROW, "blue"]


def test_a_mapping_reads_a_foreign_heading() -> None:
    mapping = Mapping((*NEEDED, ""), has_header=False)
    records, _ = read(csv_of([], ",".join([*ROW, "blue"])), mapping=mapping)
    assert [fields[:5] for _, fields in records] == [list(ROW)]


def test_rows_of_another_width_say_so() -> None:
    records, _ = read(csv_of([ROW[:4], (*ROW, "more")]))
    assert [fields[PROBLEM] for _, fields in records] == [
        "has 4 columns, the heading has 5",
        "has 6 columns, the heading has 5",
    ]


def test_the_layout_of_bureaux() -> None:
    records, _ = read(BUREAU_ROW.encode(), "bureau_csv")
    assert column(records, "reference") == ["GRANT-1"]
    assert column(records, "execution_date") == ["01/12/2026"]
    assert records[0][1][PROBLEM] == ""
    debit, _ = read(BUREAU_ROW.replace(",99,", ",17,").encode(), "bureau_csv")
    assert "only credits" in debit[0][1][PROBLEM]
    assert len(BUREAU.columns) == 10


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 1, "no rows"),
        (f'{HEADER}\n"open'.encode(), 2, "inside a quoted field"),
        (f'{HEADER}\n990001,"a"b,x,1,y'.encode(), 2, "must be doubled"),
        (f"{HEADER}\n990001,\x00".encode(), 2, "zero byte"),
        (csv_of([ROW]).decode().encode("utf-16"), 1, "UTF-16"),
        (b"a" * 200_000, 1, "a line of more than"),
        (f'{HEADER}\n"'.encode() + b"a\n" * 200_000, 65538, "longer than"),
        (b"," * 200 + b"\n", 1, "more than 100 columns"),
    ],
    ids=["empty", "open", "quote", "zero", "utf-16", "line", "field", "columns"],
)
def test_what_cannot_be_read_names_its_line(content: bytes, line: int, reason: str) -> None:
    with pytest.raises(ReadError, match=reason) as caught:
        read(content)
    assert caught.value.line == line


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)),
    st.sampled_from(["", f"{HEADER}\r\n", f"{HEADER};x\n"]),
    st.sampled_from(["csv", "bureau_csv"]),
)
def test_no_bytes_break_the_reader(content: bytes, prefix: str, format_: str) -> None:
    try:
        records, _ = read(prefix.encode() + content, format_)  # type: ignore[arg-type]  # a format
    except ReadError as error:
        assert error.line >= 1  # noqa: PT017 - what the error carries is the point
        assert error.reason  # noqa: PT017 - as above
    except MappingNeededError as needed:
        assert needed.rows  # noqa: PT017 - as above
    else:
        assert all(line >= 1 and len(fields) == WIDTH for line, fields in records)
