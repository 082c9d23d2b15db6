"""Every format and every published sample is read into the one model, or refused with a place."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers import detect_format, read_statements
from payments.reconciliation.readers.csv_lines import ColumnMap, guess_separator, read_header
from tests.support.samples import sample

MT940 = {
    "citi_mt940.txt": (1, "USD"),
    "cmxl_mt940.sta": (3, "DEM"),
    "jejik_abnamro.sta": (2, "EUR"),
    "jejik_ing.sta": (1, "EUR"),
    "jejik_knab.sta": (2, "EUR"),
    "jejik_postfinance.sta": (2, "CHF"),
    "jejik_rabobank-iban.sta": (2, "EUR"),
    "jejik_triodos.sta": (1, "EUR"),
    "mBank_mt940.sta": (1, "PLN"),
    "self-provided_february_30.sta": (1, "EUR"),
    "self-provided_mt942.sta": (1, "EUR"),
    "self-provided_multiline.sta": (1, "EUR"),
}


@pytest.mark.parametrize("name", MT940)
def test_each_published_mt940_is_read(name: str) -> None:
    content = sample(f"payments/mt940/{name}").read_bytes()
    assert detect_format(content) == "mt940"
    read = read_statements(content)
    count, currency = MT940[name]
    assert (len(read.statements), read.statements[0].currency) == (count, currency)
    assert all(one.lines for one in read.statements)
    assert read.statements[0].interim is (name == "self-provided_mt942.sta")


def test_a_statement_of_mt940_adds_up_and_zero_lines_are_left_out() -> None:
    (one,) = read_statements(sample("payments/mt940/citi_mt940.txt").read_bytes()).statements
    assert (one.opening_pence, one.closing_pence) == (1_737_667, 1_623_392)
    assert one.movement_pence == -21_239 - 36_928 - 56_108
    assert one.lines[0].booking_date == date(2024, 3, 12)


BAI2 = """01,BANK,CLACHAN,261125,0700,1,,,2/
02,CLACHAN,802260,1,261124,2400,GBP,2/
03,80226000112233,GBP,010,500000,,,015,510000,,/
16,165,30000,Z,BR1,INV-000123,PAYMENT RECEIVED/
16,475,20000,Z,BR2,CHQ77,CHEQUE/
88,PAID AT COUNTER/
49,1060000,5/
98,1060000,1,7/
99,1060000,1,9/
"""


def test_bai2_is_read_and_its_signs_come_from_the_codes() -> None:
    assert detect_format(BAI2.encode()) == "bai2"
    (one,) = read_statements(BAI2.encode()).statements
    assert (one.sort_code, one.account_number, one.problem) == ("802260", "00112233", "")
    assert (one.opening_pence, one.closing_pence) == (500_000, 510_000)
    assert [(line.amount_pence, line.reference) for line in one.lines] == [
        (30_000, "INV-000123"),
        (-20_000, "CHQ77"),
    ]


def test_bai2_with_wrong_totals_is_read_and_says_so() -> None:
    read = read_statements(BAI2.replace("49,1060000", "49,1060001").encode())
    assert "totals are wrong" in read.statements[0].problem
    assert len(read.statements[0].lines) == 2


def test_bai2_with_an_unknown_type_code_is_refused_with_its_line() -> None:
    with pytest.raises(UnreadableError) as caught:
        read_statements(BAI2.replace("16,475", "16,ZZZ").encode())
    assert caught.value.line == 5


OFX_1 = """OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>GBP
<BANKACCTFROM><BANKID>802260<ACCTID>00112233<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261124<DTEND>20261125
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261125120000[0:GMT]<TRNAMT>12.34<FITID>F1<NAME>A &amp; B
<MEMO>INV 7</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261125<TRNAMT>-2.00<FITID>F2<MEMO>FEE</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>110.34<DTASOF>20261125</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
OFX_2 = (
    '<?xml version="1.0"?><?OFX OFXHEADER="200" VERSION="211"?><OFX><BANKMSGSRSV1><STMTTRNRS>'
    "<STMTRS><CURDEF>GBP</CURDEF><BANKACCTFROM><BANKID>802260</BANKID><ACCTID>00112233</ACCTID>"
    "</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20261125</DTPOSTED>"
    "<TRNAMT>1.00</TRNAMT><NAME></NAME><MEMO>X</MEMO></STMTTRN></BANKTRANLIST></STMTRS>"
    "</STMTTRNRS></BANKMSGSRSV1></OFX>"
)


@pytest.mark.parametrize(
    ("text", "amounts", "closing"),
    [(OFX_1, [1234, -200], 11_034), (OFX_2, [100], None)],
    ids=["sgml", "xml"],
)
def test_both_kinds_of_ofx_are_read(text: str, amounts: list[int], closing: int | None) -> None:
    assert detect_format(text.encode()) == "ofx"
    (one,) = read_statements(text.encode()).statements
    assert [line.amount_pence for line in one.lines] == amounts
    assert (one.closing_pence, one.sort_code, one.account_number) == (closing, "802260", "00112233")


def test_a_fault_in_ofx_names_its_line() -> None:
    with pytest.raises(UnreadableError, match="at most two decimals") as caught:
        read_statements(OFX_1.replace("12.34", "12.345").encode())
    assert caught.value.line == 8


CSV = (
    "Date,Details,Money in,Money out,Balance\n"
    '25/11/2026,"INV-000123, part",12.34,,112.34\n'
    '25/11/2026,FEE,,"1,002.00",-889.66\n'
)
COLUMNS = ColumnMap(
    day="Date", money_in="Money in", money_out="Money out", reference="Details", balance="Balance"
)


def test_a_table_is_read_by_its_mapping() -> None:
    assert detect_format(CSV.encode()) == "csv"
    assert guess_separator(CSV.encode()) == "comma"
    assert read_header(CSV.encode(), "comma")[0] == "Date"
    (one,) = read_statements(CSV.encode(), COLUMNS).statements
    assert [line.amount_pence for line in one.lines] == [1_234, -100_200]
    assert (one.opening_pence, one.closing_pence) == (10_000, -88_966)
    with pytest.raises(UnreadableError, match="first say what its columns hold"):
        read_statements(CSV.encode())


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"),
    [
        ("25/11/2026,FEE", "31/02/2026,FEE", 3, "column Date"),
        ("12.34,,", "12.345,,", 2, "at most two decimals"),
        ("12.34,,", "many,,", 2, "column Money in"),
        ("12.34,,", "12.34,3.00,", 2, "both"),
        (",112.34", "", 2, "column 5"),
    ],
    ids=["day", "decimals", "word", "both", "columns"],
)
def test_a_fault_in_a_table_names_line_and_column(
    before: str, after: str, line: int, reason: str
) -> None:
    with pytest.raises(UnreadableError, match=reason) as caught:
        read_statements(CSV.replace(before, after, 1).encode(), COLUMNS)
    assert caught.value.line == line


def test_a_notification_is_interim() -> None:
    camt = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
        "<Ntfctn><Id>N1</Id><CreDtTm>2026-11-25T10:00:00Z</CreDtTm><Acct><Id><Othr>"
        "<Id>80226000112233</Id></Othr></Id><Ccy>GBP</Ccy></Acct><Ntry><Amt Ccy='GBP'>1.00</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-25</Dt></BookgDt>"
        "<NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId><UETR>ABC</UETR></Refs></TxDtls>"
        "</NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    )
    read = read_statements(camt.encode())
    (one,) = read.statements
    assert (read.format, one.interim, one.lines[0].uetr) == ("camt.054", True, "abc")


MT = (
    ":20:X\n:25:80226000112233\n:28C:1/1\n:60F:C261124GBP1,00\n"
    ":61:2611251125D1,00NTRFREF//B\n:86:TEXT\n:62F:C261125GBP0,00\n"
)
SEEDS = [BAI2, OFX_1, OFX_2, CSV, MT]


def try_to_read(content: bytes) -> str:
    """Read a file; returns why not, or nothing."""
    try:
        read = read_statements(content, COLUMNS)
    except UnreadableError as error:
        return error.reason
    return "" if read.statements else "nothing"


@settings(max_examples=300, deadline=2_000)
@given(st.sampled_from(SEEDS), st.data())
def test_spoiled_files_are_refused_with_words_and_nothing_else(
    seed: str, data: st.DataObject
) -> None:
    text = seed
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 6))
        text = text[:place] + data.draw(st.text(max_size=5)) + text[place + length :]
    assert try_to_read(text.encode("utf-8", "replace")) != "nothing"


@settings(max_examples=100, deadline=2_000)
@given(st.binary(max_size=400))
def test_no_bytes_break_a_reader(content: bytes) -> None:
    for begin in (b"", b"01,", b"<OFX>", b":20:", b"VOL1", b"<"):
        assert try_to_read(begin + content) != "nothing"
