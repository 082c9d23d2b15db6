from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.bank.simulator.files import Facts, read
from payments.bank.standard18 import (
    Credit,
    Originator,
    Standard18Error,
    WriterProfile,
    to_bacs,
    write_file,
)
from payments.bank.standard18_reader import Standard18ReadError, read_file

US = Originator("123456", "802260", "00112233", "STRATHCLACHAN")
DAY = date(2026, 11, 24)
CREDIT = Credit("201918", "12345678", "MORAG MACINNES", 12345, "SWH-7K3M-9QPX")

digits = st.text("0123456789", min_size=8, max_size=8)
words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.&/-", min_size=1, max_size=18)
credit_values = st.builds(
    Credit,
    st.text("0123456789", min_size=6, max_size=6),
    digits,
    words,
    st.integers(1, 2_000_000_000),
    words,
)
days = st.dates(date(2020, 1, 1), date(2028, 12, 31))


def written(*values: Credit) -> bytes:
    return write_file(US, "000123", DAY, DAY - timedelta(days=1), values or (CREDIT,)).content


@given(st.lists(credit_values, min_size=1, max_size=8), days, days, st.integers(1, 999_999))
def test_reader_and_writer_are_inverse(
    values: list[Credit], processing: date, created: date, serial: int
) -> None:
    file = write_file(US, f"{serial:06d}", processing, created, values)
    read = read_file(file.content)
    assert read.credits == tuple(values)
    assert (read.serial, read.processing_day, read.created_on) == (
        f"{serial:06d}",
        processing,
        created,
    )
    assert read.originator == US
    assert file.total_pence == read.total_pence == sum(value.amount_pence for value in values)
    assert file.warnings == ()


@given(st.lists(credit_values, min_size=1, max_size=8), days)
def test_the_bank_reads_what_we_write(values: list[Credit], processing: date) -> None:
    with NamedTemporaryFile() as file:
        file.write(write_file(US, "000123", processing, processing, values).content)
        file.flush()
        theirs = Facts()
        items = list(read(Path(file.name), theirs))
    assert [
        (item.sort_code, item.account, item.name, item.pence, item.reference) for item in items
    ] == [(v.sort_code, v.account_number, v.name, v.amount_pence, v.reference) for v in values]
    assert (theirs.processing_day, theirs.user_number) == (processing, "123456")


@given(st.lists(st.tuples(credit_values, days), min_size=1, max_size=8), days)
def test_files_of_several_days_are_read_back(
    values: list[tuple[Credit, date]], created: date
) -> None:
    wanted = [replace(credit, processing_day=day) for credit, day in values]
    first = min(day for _, day in values)
    file = write_file(US, "000123", first, created, wanted)
    read = read_file(file.content)
    assert sorted(map(str, read.credits)) == sorted(map(str, wanted))
    assert (read.processing_day, read.total_pence) == (first, file.total_pence)
    lines = file.content.decode().split("\r\n")
    assert (lines[2][10:15], lines[3][28:35]) == ("00106", "4 MULTI")
    assert int(lines[-2][30:37]) == len({day for _, day in values})


def test_days_for_some_payments_only_are_refused() -> None:
    with pytest.raises(Standard18Error, match="either every payment"):
        write_file(US, "000123", DAY, DAY, [CREDIT, replace(CREDIT, processing_day=DAY)])


def test_the_positions_of_the_specification() -> None:
    lines = written().decode().split("\r\n")
    assert [line[:4] for line in (*lines[:4], *lines[-4:-1])] == [
        "VOL1",
        "HDR1",
        "HDR2",
        "UHL1",
        "EOF1",
        "EOF2",
        "UTL1",
    ]
    assert [len(line) for line in lines] == [80, 80, 80, 80, 100, 100, 80, 80, 80, 0]
    volume, header, _, user = lines[:4]
    assert (volume[4:10], volume[41:47], volume[79]) == ("000123", "123456", "1")
    assert (header[4], header[5:11], header[11], header[21:27]) == ("A", "123456", "S", "000123")
    assert (header[41:47], header[54:60]) == (" 26327", "000000")
    assert (user[4:10], user[10:16], user[28:37], user[37:40]) == (
        " 26328",
        "999999",
        "1 DAILY  ",
        "001",
    )
    data, contra, trailer = lines[4], lines[5], lines[8]
    assert data[14:17] == "099"
    assert (data[35:46], data[64:82].strip(), data[82:].strip()) == (
        "00000012345",
        "SWH-7K3M-9QPX",
        "MORAG MACINNES",
    )
    assert (contra[14:17], contra[64:70]) == ("017", "CONTRA")
    assert trailer[4:44] == "0000000012345" * 2 + "0000001" * 2


def test_what_is_changed_is_reported() -> None:
    assert to_bacs("Mòrag O'Neill") == ("M RAG O NEILL", "characters replaced by blanks")
    assert to_bacs("strathclachan council") == ("STRATHCLACHAN COUN", "cut to 18 characters")
    odd = Credit("201918", "12345678", "Zoë", 1, "OK")
    file = write_file(US, "000001", DAY, DAY, [CREDIT, odd], WriterProfile(line_end="\n"))
    assert file.warnings == ("payment 2: name: characters replaced by blanks",)
    assert b"\r" not in file.content


@pytest.mark.parametrize(
    ("credit", "word"),
    [
        (Credit("20191", "12345678", "A", 1, "R"), "six digits"),
        (Credit("201918", "1234567", "A", 1, "R"), "eight of account"),
        (Credit("201918", "１２３４５６７８", "A", 1, "R"), "eight of account"),
        (Credit("201918", "12345678", "A", 0, "R"), "amount"),
        (Credit("201918", "12345678", "A", 2_000_000_001, "R"), "amount"),
        (Credit("201918", "12345678", "ö", 1, "R"), "no name"),
    ],
)
def test_the_writer_refuses_what_no_file_can_carry(credit: Credit, word: str) -> None:
    with pytest.raises(Standard18Error, match=word):
        written(credit)
    with pytest.raises(Standard18Error, match="needs a payment"):
        write_file(US, "000001", DAY, DAY, [])


def changed(line: int, first: int, text: str) -> bytes:
    lines = written(CREDIT, CREDIT).decode().split("\r\n")
    old = lines[line - 1]
    lines[line - 1] = old[: first - 1] + text + old[first - 1 + len(text) :]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (changed(1, 5, "000000"), 2, "zero"),
        (changed(2, 6, "654321"), 2, "service user number"),
        (changed(3, 11, "00120"), 8, "do not repeat"),
        (changed(4, 5, " 26999"), 4, "no date"),
        (changed(4, 5, " 25366"), 4, "no such day"),
        (changed(5, 16, "17"), 5, "only credits"),
        (changed(6, 16, "01"), 6, "transaction code 01"),
        (changed(6, 36, "0000001234x"), 6, "outside the Bacs alphabet"),
        (changed(6, 36, "0000001234A"), 6, "must be digits"),
        (changed(6, 36, "00000000000"), 6, "zero"),
        (changed(6, 18, "802261"), 6, "another originating account"),
        (changed(7, 36, "00000024691"), 7, "contra differs"),
        (changed(10, 5, "0000000024691"), 10, "UTL1 differs"),
        (written()[:300], 4, "ends too early"),
        (b"", 0, "ends too early"),
    ],
)
def test_the_reader_names_the_line(content: bytes, line: int, reason: str) -> None:
    with pytest.raises(Standard18ReadError, match=reason) as caught:
        read_file(content)
    assert caught.value.line == line


@given(st.binary(max_size=1500))
def test_any_bytes_are_read_or_refused_with_a_line(content: bytes) -> None:
    with pytest.raises(Standard18ReadError):
        read_file(content)


@given(st.integers(0, 899), st.binary(min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused_with_a_line(at: int, damage: bytes) -> None:
    whole = written(CREDIT, CREDIT)
    try:
        read_file(whole[:at] + damage + whole[at + len(damage) :])
    except Standard18ReadError as error:
        assert error.line > 0  # noqa: PT017 - not every damage is a fault
