from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers import read_statements
from payments.reconciliation.rules import (
    Statement,
    StatementFacts,
    StatementLine,
    check_continuity,
    count_occurrences,
)
from tests.payments.reconciliation.statements import Entry, camt, daily_file
from tests.support.samples import natwest, sample

DAY = date(2026, 11, 25)


def test_the_daily_file_of_natwest_is_read_line_by_line() -> None:
    read = read_statements(natwest("testfile_1"))
    (one,) = read.statements
    assert (read.format, one.sort_code, one.account_number) == (
        "natwest-data-services",
        "123456",
        "67175315",
    )
    assert [(line.amount_pence, line.kind, line.bank_code) for line in one.lines] == [
        (-288615, "debit", "03"),
        (8939, "credit", "99"),
        (9802, "credit", "93"),
    ]
    assert (one.closing_pence, one.opening_pence) == (38510000, 38510000 + 288615 - 18741)
    assert one.lines[1].reference == "A1234BY 09/12/86"
    assert one.lines[1].counterparty_account == "29696666"


def test_our_own_daily_file_is_read_line_by_line() -> None:
    (one,) = read_statements(daily_file()).statements
    assert (one.sort_code, one.account_number, one.closing_pence) == ("990000", "90000001", 250_000)
    assert [(line.amount_pence, line.bank_code) for line in one.lines] == [
        (-120_000, "03"),
        (45_000, "99"),
    ]
    with pytest.raises(UnreadableError, match="the records make 45000, the trailer says 45001"):
        read_statements(daily_file(trailer_credits=45_001))


def test_wrong_totals_are_refused_with_both_figures() -> None:
    with pytest.raises(UnreadableError) as caught:
        read_statements(natwest("testfile_incorrect_totals"))
    assert "debits in pence: the records make 288615, the trailer says 288610" in str(caught.value)
    assert "credits in pence: the records make 18741, the trailer says 18732" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "lines"),
    [("testfile_no_records", 0), ("testfile_roll_number", 7), ("testfile_settlement_credits", 4)],
)
def test_files_without_a_balance(name: str, lines: int) -> None:
    content = natwest(name)
    (one,) = read_statements(content).statements
    assert (len(one.lines), one.closing_pence) == (lines, None)


def test_an_unknown_code_stops_the_file_with_its_line() -> None:
    content = natwest("testfile_1").replace(b"67175315099", b"67175315077")
    with pytest.raises(UnreadableError) as caught:
        read_statements(content)
    assert caught.value.line == 5


def test_the_oldest_version_of_camt() -> None:
    content = sample("payments/iso20022/examples/camt053_001_02.xml").read_bytes()
    # One entry of the sample is in euros: an account has one currency, so it is refused by line.
    with pytest.raises(UnreadableError, match="line 462: an amount in EUR, not USD"):
        read_statements(content)
    (one,) = read_statements(content.replace(b'Ccy="EUR"', b'Ccy="USD"')).statements
    assert (one.account_number, one.currency, one.sequence) == ("DD01100056869", "USD", 1)
    assert (one.opening_pence, one.closing_pence) == (-84368620, -84666515)
    assert [line.amount_pence for line in one.lines][:2] == [1000, -1000]
    assert one.lines[0].kind == "return"


def one_statement(content: bytes) -> Statement:
    (found,) = read_statements(content).statements
    return found


def test_the_newest_version_of_camt() -> None:
    entries = (
        Entry(-100_000, batch="123456000001"),
        Entry(30_000, reference="REF-0001", other="20191855555555", reason="AC04"),
    )
    found = one_statement(camt(1, 500_000, entries))
    assert (found.sort_code, found.account_number, found.sequence) == ("802260", "00112233", 1)
    contra, returned = found.lines
    assert (contra.kind, contra.batch_ref, contra.amount_pence) == (
        "contra",
        "123456000001",
        -100_000,
    )
    assert (returned.kind, returned.return_reason, returned.counterparty_account) == (
        "return",
        "AC04",
        "55555555",
    )
    assert found.opening_pence == 500_000
    assert found.closing_pence == 430_000


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"<Cd>BOOK</Cd>", b"<Cd>WHAT</Cd>", "entry status WHAT"),
        (b'<Amt Ccy="GBP">300.00', b'<Amt Ccy="GBP">300.001', "two decimals"),
        (b'<Amt Ccy="GBP">300.00', b'<Amt Ccy="EUR">300.00', "an amount in EUR"),
        (b'<Amt Ccy="GBP">300.00', b'<Amt Ccy="GBP">-300.00', "two decimals"),
        (b"<CdtDbtInd>CRDT", b"<CdtDbtInd>PLUS", "CRDT or DBIT"),
        (b"2026-11-25", b"2026-13-25", "not a date"),
        (b"<Document", b"<!DOCTYPE x [<!ENTITY e 'x'>]><Document", "document type"),
        (b"<Stmt>", b"<Statement>", "line"),
        (b"80226000112233", b"", "no account"),
    ],
)
def test_what_camt_may_not_say(old: bytes, new: bytes, reason: str) -> None:
    content = camt(1, 500_000, (Entry(30_000),))
    assert old in content
    with pytest.raises(UnreadableError, match=reason) as caught:
        read_statements(content.replace(old, new))
    assert caught.value.line > 0


def test_pending_entries_are_told_and_a_foreign_namespace_is_a_warning() -> None:
    content = camt(1, 500_000, (Entry(30_000),)).replace(b"<Cd>BOOK</Cd>", b"<Cd>PDNG</Cd>")
    read = read_statements(content.replace(b"camt.053.001.08", b"camt.053.001.99"))
    assert read.statements[0].lines == ()
    assert len(read.warnings) == 2


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_statements(content)


SAMPLES = [
    camt(1, 500_000, (Entry(-100_000, batch="123456000001"), Entry(30_000))),
    daily_file(),
]


@settings(max_examples=200)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_files_are_read_or_refused(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample) - 1))
    length = data.draw(st.integers(0, 40))
    damage = data.draw(st.binary(max_size=20))
    try:
        read_statements(sample[:at] + damage + sample[at + length :])
    except UnreadableError as error:
        assert error.reason  # noqa: PT017 - not every damage is a fault


def line(pence: int, reference: str = "") -> StatementLine:
    return StatementLine(pence, DAY, DAY, "credit", "93", reference=reference)


def test_equal_lines_are_told_apart_by_their_number() -> None:
    assert count_occurrences([line(1), line(2), line(1), line(1, "x")]) == [1, 1, 2, 1]


@pytest.mark.parametrize(
    ("before", "this", "code"),
    [
        (None, StatementFacts(5, 100, 150, 50, DAY), None),
        (None, StatementFacts(5, 100, 151, 50, DAY), "BALANCE_MISMATCH"),
        (StatementFacts(4, 0, 100, 100, DAY), StatementFacts(5, 100, 150, 50, DAY), None),
        (
            StatementFacts(3, 0, 100, 100, DAY),
            StatementFacts(5, 100, 150, 50, DAY),
            "STATEMENT_GAP",
        ),
        (StatementFacts(4, 0, 99, 99, DAY), StatementFacts(5, 100, 150, 50, DAY), "STATEMENT_GAP"),
        (StatementFacts(None, 0, 99, 99, DAY), StatementFacts(None, None, None, 50, DAY), None),
        (
            StatementFacts(None, 0, 99, 99, DAY),
            StatementFacts(None, 99, 149, 50, date(2026, 11, 24)),
            "STATEMENT_GAP",
        ),
    ],
)
def test_continuity(before: StatementFacts | None, this: StatementFacts, code: str | None) -> None:
    found = check_continuity(before, this)
    assert (None if found is None else found[0]) == code
