"""Reads the bank's reports in the XML shapes of Bacs (payments contract 6.2), by local names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from lxml import etree

from payments.bank.safe_xml import UnreadableError, line_of, local, parse_xml
from shared.money import parse_pounds

# Our words for the codes of ARUCS and of the input report (payments contract 6.2).
RETURN_REASONS = {
    "0": "invalid details",
    "2": "beneficiary deceased",
    "3": "account transferred",
    "5": "no account",
    "B": "account closed",
    "C": "requested by remitter",
}


class ReportUnreadableError(UnreadableError):
    """The report is not one of the known shapes; says in which line and why."""


@dataclass(frozen=True)
class ReportItem:
    """One payment that a report speaks of."""

    line: int
    sort_code: str
    account_number: str
    amount_pence: int
    reference: str
    code: str
    reason: str
    original_processing_day: date | None = None


@dataclass(frozen=True)
class InputReport:
    """What the bank took in of one submission, and what it rejected."""

    service_user_number: str
    serial: str
    processing_day: date
    accepted_count: int
    accepted_pence: int
    rejected_count: int
    rejected_pence: int
    rejected: tuple[ReportItem, ...]
    kind: Literal["input_report"] = "input_report"


@dataclass(frozen=True)
class ReturnAdvice:
    """Credits that could not be applied and come back (ARUCS)."""

    service_user_number: str
    advised_on: date
    returned: tuple[ReportItem, ...]
    kind: Literal["arucs"] = "arucs"


def read_report(content: bytes) -> InputReport | ReturnAdvice:
    """Return what a report says; refuses document types, entities and unknown shapes.

    Raises:
        UnreadableError: with line and reason.
    """
    root = parse_xml(content)
    found = next(_each(root, "InputReport"), None)
    if found is not None:
        return _input_report(found)
    found = next(_each(root, "ARUCS"), None)
    if found is not None:
        return _return_advice(found)
    raise ReportUnreadableError(line_of(root), "neither an input report nor an ARUCS advice")


def _each(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return (element for element in parent.iter() if local(element) == name)


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = list(_each(parent, name))
    if len(found) != 1:
        raise ReportUnreadableError(
            line_of(parent), f"{len(found)} elements {name} where one belongs"
        )
    return found[0]


def _text(element: etree._Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ReportUnreadableError(line_of(element), f"{local(element)} has no {name}")
    return value.strip()


def _pence(element: etree._Element) -> int:
    try:
        return parse_pounds(_text(element, "valueOf"))
    except ValueError as error:
        raise ReportUnreadableError(line_of(element), f"valueOf: {error}") from None


def _count(element: etree._Element) -> int:
    value = _text(element, "numberOf")
    if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004 - digits
        raise ReportUnreadableError(line_of(element), "numberOf is not a number")
    return int(value)


def _day(element: etree._Element, name: str) -> date:
    try:
        return date.fromisoformat(_text(element, name))
    except ValueError:
        raise ReportUnreadableError(line_of(element), f"{name} is not a date") from None


def _input_report(report: etree._Element) -> InputReport:
    accepted, rejected = _one(report, "AcceptedRecords"), _one(report, "RejectedRecords")
    return InputReport(
        service_user_number=_text(_one(report, "UserFileInformation"), "userNumber"),
        serial=_text(_one(report, "SubmissionInformation"), "volumeSerialNumber"),
        processing_day=_day(_one(report, "ProcessingDate"), "date"),
        accepted_count=_count(accepted),
        accepted_pence=_pence(accepted),
        rejected_count=_count(rejected),
        rejected_pence=_pence(rejected),
        rejected=tuple(_error(error) for error in _each(report, "Error")),
    )


def _error(error: etree._Element) -> ReportItem:
    item, message = _one(error, "ErrorItem"), _one(error, "ErrorMessage")
    return ReportItem(
        line=line_of(item),
        sort_code=_text(item, "sortCode"),
        account_number=_text(item, "number"),
        amount_pence=_pence(item),
        reference=_text(item, "reference"),
        code=_text(message, "type"),
        reason=(message.text or "").strip().lower(),
    )


def _return_advice(report: etree._Element) -> ReturnAdvice:
    header = _one(report, "Header")
    return ReturnAdvice(
        service_user_number=_text(_one(report, "ServiceLicenseInformation"), "userNumber"),
        advised_on=_day(header, "currentProcessingDate"),
        returned=tuple(_returned(item) for item in _each(report, "ReturnedCreditItem")),
    )


def _returned(item: etree._Element) -> ReportItem:
    payee = _one(item, "PayeeAccount")
    code = _text(item, "returnCode")
    return ReportItem(
        line=line_of(item),
        sort_code=_text(payee, "sortCode"),
        account_number=_text(payee, "number"),
        amount_pence=_pence(item),
        reference=_text(item, "ref"),
        code=code,
        reason=RETURN_REASONS.get(code, (item.get("returnDescription") or "").strip().lower()),
        original_processing_day=_day(item, "originalProcessingDate"),
    )
