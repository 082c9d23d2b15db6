"""pain.001 in its three versions."""

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.uploads.readers.pain001 import Pain001Reader, is_british_iban
from payments.uploads.rules import END_TO_END_ID, NOTE, PROBLEM, ReadError
from tests.payments.uploads.files import pain001_of, rows, total
from tests.payments.uploads.readers.reading import column, read
from tests.support.samples import sample

CONTENT = rows(4)
GOOD = pain001_of(CONTENT)


@pytest.mark.parametrize("version", ["03", "08", "09"])
def test_each_version_is_read(version: str) -> None:
    records, reader = read(pain001_of(CONTENT, version), "pain001")
    assert [tuple(fields[:5]) for _, fields in records] == [tuple(row) for row in CONTENT]
    assert column(records, "execution_date") == ["2026-12-01"] * 4
    assert next(fields[END_TO_END_ID] for _, fields in records) == "E2E-0"
    assert (reader.claims.count, reader.claims.pence) == (4, total(CONTENT))


def test_the_published_example_is_read() -> None:
    content = sample("payments/iso20022/examples/pain001_001_08.xml").read_bytes()
    records, reader = read(content, "pain001")
    assert (len(records), reader.claims.count, reader.claims.pence) == (1, 1, 1000)


def test_an_iban_gives_sort_code_and_account() -> None:
    iban = b"<IBAN>GB29NWBK60161331926819</IBAN>"
    content = GOOD.replace(b"<Othr><Id>20000000</Id></Othr>", iban)
    records, _ = read(content, "pain001")
    assert records[0][1][:2] == ["601613", "31926819"]
    wrong, _ = read(content.replace(b"GB29", b"GB28"), "pain001")
    assert "IBAN" in wrong[0][1][PROBLEM]


def test_a_long_reference_is_cut_and_noted() -> None:
    content = GOOD.replace(b"GRANT-0000001", b"GRANT-0000001-AND-MORE")
    records, reader = read(content, "pain001")
    assert column(records, "reference")[1] == "GRANT-0000001-AND-"
    assert records[1][1][NOTE]
    assert reader.warnings == {"reference_cut": 1}


def test_another_currency_is_a_fault_of_the_row() -> None:
    records, _ = read(pain001_of(CONTENT, currency="EUR"), "pain001")
    assert all("only GBP" in fields[PROBLEM] for _, fields in records)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "."),
        (b"<a/>", "not a pain.001"),
        (pain001_of(CONTENT, "02"), "version 02"),
        (GOOD.replace(b"<PmtMtd>TRF", b"<PmtMtd>CHK"), "only TRF"),
        (GOOD.replace(b"<NbOfTxs>4", b"<NbOfTxs>x"), "not a number"),
        (GOOD.replace(b"<PmtMtd>", b"<NbOfTxs>3</NbOfTxs><PmtMtd>"), "the block has 4"),
        (GOOD.replace(b"<PmtMtd>", b"<CtrlSum>3</CtrlSum><PmtMtd>"), "the block has"),
        (GOOD[:900], "."),
        (GOOD.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "b">]>', 1), "document type"),
        (GOOD.replace(b"?>", b'?><!DOCTYPE x SYSTEM "file:///etc/passwd">', 1), "document type"),
        (GOOD.replace(b"GRANT-0000001", b"&a;"), "."),
    ],
    ids=[
        *("empty", "other", "version", "method", "count", "block count", "block sum", "cut"),
        *("entity", "external", "undefined"),
    ],
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason) as caught:
        read(content, "pain001")
    assert caught.value.line >= 1


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(count: int) -> int:
        content = pain001_of(rows(count))
        tracemalloc.start()
        # The rows are dropped as they come: what is left is the reader's own.
        for _ in Pain001Reader(io.BytesIO(content)):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8_000) < peak(1_000) * 2


@pytest.mark.parametrize(
    ("iban", "good"),
    [
        ("GB29NWBK60161331926819", True),
        ("GB28NWBK60161331926819", False),
        ("DE89370400440532013000", False),
        ("GB29NWBK6016133192681X", False),
        ("", False),
    ],
)
def test_british_ibans(iban: str, *, good: bool) -> None:
    assert is_british_iban(iban) is good


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=20), st.integers(0, 60))
def test_no_change_breaks_the_reader(at: int, change: bytes, removed: int) -> None:
    content = GOOD[:at] + change + GOOD[at + removed :]
    try:
        records, _ = read(content, "pain001")
    except ReadError as error:
        assert error.line >= 0  # noqa: PT017 - what the error carries is the point
        assert error.reason  # noqa: PT017 - as above
    else:
        assert len(records) <= 5
