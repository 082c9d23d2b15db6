"""Reads pain.002, the status of what was ordered by pain.001 (payments contract 7.1).

Group, payment and transaction levels may each be missing; the lowest one present wins. Versions
differ little in what is read here, so elements are found by their local names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from lxml import etree

from payments.bank.safe_xml import UnreadableError, each, line_of, local, parse_xml, text_at
from shared.money import parse_pounds

Status = Literal["accepted", "rejected", "waiting"]
_STATUSES: dict[str, Status] = {
    "RJCT": "rejected",
    "ACTC": "accepted",
    "ACCP": "accepted",
    "ACSP": "accepted",
    "ACWC": "accepted",
    "ACSC": "accepted",
    "ACCC": "accepted",
    "RCVD": "waiting",
    "PDNG": "waiting",
}
_PARTLY = "PART"
_MAXIMUM_TEXT = 500


@dataclass(frozen=True)
class Verdict:
    """A status with the bank's reason."""

    line: int
    status: Status
    code: str
    reason: str


@dataclass(frozen=True)
class StatusReport:
    """What became of one message: of all its payments, or of those that are named."""

    message_id: str
    payment_count: int | None
    total_pence: int | None
    made_on: date
    overall: Verdict | None
    by_payment: dict[str, Verdict]
    kind: Literal["pain.002"] = "pain.002"


def is_status_report(content: bytes) -> bool:
    """Tell whether a document's root says pain.002, without reading more of it."""
    return b"CstmrPmtStsRpt" in content[:4096]


def read_status_report(content: bytes) -> StatusReport:
    """Return what a pain.002 says.

    Raises:
        UnreadableError: with line and reason; a payment named twice, or no message named, is one.
    """
    root = parse_xml(content)
    report = next((one for one in root.iter() if local(one) == "CstmrPmtStsRpt"), None)
    if report is None:
        raise UnreadableError(line_of(root), "no CstmrPmtStsRpt")
    message = text_at(report, "OrgnlGrpInfAndSts/OrgnlMsgId")
    if not message:
        raise UnreadableError(line_of(report), "no original message is named")
    overall = _verdict(next(each(report, "OrgnlGrpInfAndSts"), None), "GrpSts")
    by_payment: dict[str, Verdict] = {}
    for block in each(report, "OrgnlPmtInfAndSts"):
        own = _verdict(block, "PmtInfSts")
        # We send one block to a message, so a block's status is the message's.
        overall = own or overall
        for transaction in each(block, "TxInfAndSts"):
            name = text_at(transaction, "OrgnlEndToEndId")
            found = _verdict(transaction, "TxSts")
            if not name or found is None:
                raise UnreadableError(line_of(transaction), "a payment without id or status")
            if name in by_payment:
                raise UnreadableError(line_of(transaction), f"payment {name} is named twice")
            by_payment[name] = found
    count, pence = _totals(report)
    return StatusReport(message, count, pence, _made_on(report), overall, by_payment)


def _totals(report: etree._Element) -> tuple[int | None, int | None]:
    count = text_at(report, "OrgnlGrpInfAndSts/OrgnlNbOfTxs")
    total = text_at(report, "OrgnlGrpInfAndSts/OrgnlCtrlSum")
    if count and not re.fullmatch(r"[0-9]{1,15}", count):
        raise UnreadableError(line_of(report), "OrgnlNbOfTxs is not a number")
    try:
        return int(count) if count else None, parse_pounds(total) if total else None
    except ValueError as error:
        raise UnreadableError(line_of(report), f"OrgnlCtrlSum: {error}") from None


def _verdict(element: etree._Element | None, status: str) -> Verdict | None:
    """Return the status of one level, None where it is absent or leaves it to the levels below."""
    if element is None:
        return None
    code = text_at(element, status)
    if code in ("", _PARTLY):
        return None
    if code not in _STATUSES:
        raise UnreadableError(line_of(element), f"an unknown status {code[:8]}")
    reasons = list(_reasons(element))
    reason_code = next((one for one, _ in reasons if one), "")
    words = "; ".join(text for _, text in reasons if text)[:_MAXIMUM_TEXT]
    return Verdict(line_of(element), _STATUSES[code], reason_code or code, words)


def _reasons(element: etree._Element) -> Iterator[tuple[str, str]]:
    for information in each(element, "StsRsnInf"):
        texts = [one.text.strip() for one in each(information, "AddtlInf") if one.text]
        yield text_at(information, "Rsn/Cd", "Rsn/Prtry"), " ".join(texts)


def _made_on(report: etree._Element) -> date:
    text = text_at(report, "GrpHdr/CreDtTm")
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise UnreadableError(line_of(report), "CreDtTm is not a date and time") from None
