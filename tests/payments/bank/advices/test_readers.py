"""Readers of what banks say: every shape, and no input that does harm."""

import json
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from payments.bank.advices.pain002 import read_status_report
from payments.bank.reports import AmendmentAdvice, ReturnAdvice, load_names, read_report
from payments.bank.safe_xml import UnreadableError
from tests.support.samples import sample

AWACS = """<BACSDocument><Data><MessagingAdvices>
<MessagingHeader report-type="AWACS"/>
<MessagingAdvice user-number="123456" record-type="A" reason-code="3" reference="REF-1"
 effective-date="2026-11-25" payee-name="MORAG" payee-sort-code="20-19-18"
 payee-account-number="12345678" payee-new-sort-code="201919" payee-new-account-number="87654321"/>
</MessagingAdvices></Data></BACSDocument>"""
ARUCS = """<BACSDocument><Data><ARUCS><Header reportType="REFT1027" adviceNumber="1"
 currentProcessingDate="2026-11-26"/><ServiceLicenseInformation userNumber="123456"/>
<Advice><OriginatingAccountRecords><OriginatingAccountRecord>
<ReturnedCreditItem ref="REF-1" transCode="RA" returnCode="{code}" returnDescription="SOMETHING"
 originalProcessingDate="2026-11-24" valueOf="1.50" currency="GBP">
<PayeeAccount number="12345678" sortCode="201918" name="MORAG"/></ReturnedCreditItem>
</OriginatingAccountRecord></OriginatingAccountRecords></Advice></ARUCS></Data></BACSDocument>"""


def status(group: str = "", payment: str = "", transactions: str = "", extra: str = "") -> str:
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
        "<GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-11-24T12:00:00</CreDtTm></GrpHdr>"
        "<OrgnlGrpInfAndSts><OrgnlMsgId>123456000001</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{extra}{group}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>123456000001</OrgnlPmtInfId>{payment}{transactions}"
        "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )


def transaction(name: str, code: str) -> str:
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{code}</TxSts>"
        "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf></StsRsnInf></TxInfAndSts>"
    )


def group(code: str) -> str:
    return f"<GrpSts>{code}</GrpSts>"


@cache
def schema() -> etree.XMLSchema:
    path = sample("payments/iso20022/xsd/pain.002.001.10.xsd")
    return etree.XMLSchema(etree.parse(str(path)))


@pytest.mark.parametrize(
    ("content", "overall", "named"),
    [
        (status(group("ACCP")), "accepted", {}),
        (status(group("RJCT")), "rejected", {}),
        (status(group("RCVD")), "waiting", {}),
        (status(group("PART"), "", transaction("A", "RJCT")), None, {"A": "rejected"}),
        (
            status(group("RJCT"), "<PmtInfSts>ACSP</PmtInfSts>", transaction("A", "RJCT")),
            "accepted",
            {"A": "rejected"},
        ),
        (
            status("", "", transaction("A", "ACSC") + transaction("B", "PDNG")),
            None,
            {"A": "accepted", "B": "waiting"},
        ),
    ],
    ids=["group", "refused", "received", "part", "lowest-wins", "only-payments"],
)
def test_the_lowest_level_wins(content: str, overall: str | None, named: dict[str, str]) -> None:
    schema().assertValid(etree.fromstring(content))
    read = read_status_report(content.encode())
    assert (read.overall and read.overall.status) == overall
    assert {name: one.status for name, one in read.by_payment.items()} == named
    assert (read.message_id, read.made_on) == ("123456000001", date(2026, 11, 24))
    if "A" in named and named["A"] == "rejected":
        assert (read.by_payment["A"].code, read.by_payment["A"].reason) == ("AC04", "closed")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (status(group("XXXX")), "unknown status"),
        (status("", "", transaction("A", "RJCT") * 2), "named twice"),
        (status("", "", transaction("", "RJCT")), "without id or status"),
        (status().replace("123456000001", ""), "no original message"),
        (status().replace("2026-11-24T", "24-11-2026"), "CreDtTm"),
        (status(extra="<OrgnlNbOfTxs>x</OrgnlNbOfTxs>"), "OrgnlNbOfTxs"),
        (status(extra="<OrgnlCtrlSum>1.005</OrgnlCtrlSum>"), "OrgnlCtrlSum"),
        ("<Document/>", "no CstmrPmtStsRpt"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
    ],
    ids=["status", "twice", "no-id", "no-message", "time", "count", "sum", "other", "doctype"],
)
def test_a_status_report_with_a_fault_is_refused(content: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_status_report(content.encode())


def test_totals_of_the_message_are_read() -> None:
    extra = "<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>10.5</OrgnlCtrlSum>"
    read = read_status_report(status(group("ACCP"), extra=extra).encode())
    assert (read.payment_count, read.total_pence) == (2, 1050)


def test_awacs_says_where_the_money_went() -> None:
    read = read_report(AWACS.encode())
    assert isinstance(read, AmendmentAdvice)
    (one,) = read.amended
    assert (one.sort_code, one.account_number) == ("201918", "12345678")
    assert (one.new_sort_code, one.new_account_number) == ("201919", "87654321")
    assert (one.reference, one.amount_pence, one.effective_on) == (
        "REF-1",
        None,
        date(2026, 11, 25),
    )
    assert one.reason == "account transferred, new details supplied"


@pytest.mark.parametrize(
    ("code", "reason"),
    [("0", "invalid details"), ("B", "account closed"), ("Z", "something")],
)
def test_arucs_has_a_reason_for_every_code(code: str, reason: str) -> None:
    read = read_report(ARUCS.replace("{code}", code).encode())
    assert isinstance(read, ReturnAdvice)
    assert (read.returned[0].code, read.returned[0].reason) == (code, reason)
    assert read.returned[0].amount_pence == 150


def test_the_names_of_elements_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(json.dumps({"ReturnedCreditItem": "Returned", "ref": "theirRef"}))
    content = ARUCS.replace("{code}", "5").replace("ReturnedCreditItem", "Returned")
    content = content.replace(' ref="', ' theirRef="')
    with pytest.raises(UnreadableError):
        read_report(content.replace("Returned ", "Odd ").encode(), load_names(file))
    read = read_report(content.encode(), load_names(file))
    assert isinstance(read, ReturnAdvice)
    assert read.returned[0].reference == "REF-1"
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[1]")
    with pytest.raises(ValueError, match="JSON object"):
        load_names(wrong)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"AWACS"', '"ADDACS"', "not AWACS"),
        ("87654321", "8765432", "8 digits"),
        ('user-number="123456"', "", "no user-number"),
        ("2026-11-25", "25/11/2026", "not a date"),
    ],
)
def test_an_advice_with_a_fault_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words) as caught:
        read_report(AWACS.replace(old, new).encode())
    assert caught.value.line > 0


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([AWACS, ARUCS, status(group("PART"), "", transaction("A", "RJCT"))]),
    st.integers(0, 900),
    st.binary(max_size=6),
    st.integers(0, 30),
)
def test_damaged_reports_are_read_or_refused(whole: str, at: int, damage: bytes, cut: int) -> None:
    content = whole.encode()
    broken = content[:at] + damage + content[at + cut :]
    for reader in (read_report, read_status_report):
        try:
            reader(broken)
        except UnreadableError as error:
            assert error.line >= 0  # noqa: PT017 - not every damage is a fault
