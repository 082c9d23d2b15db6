"""Reads the bank's reports in the XML shapes of Bacs (payments contract 6.2), by local names.

No schema of these shapes is published, so the names of elements and attributes can be set: a bank
that says ``Returned`` for ``ReturnedCreditItem`` needs one line in a JSON file and no program.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lxml import etree

from payments.bank.safe_xml import UnreadableError, line_of, local, parse_xml
from shared.money import parse_pounds

Names = Mapping[str, str]
AS_PUBLISHED: Names = MappingProxyType({})
# Our words for the codes of ARUCS and of the input report (payments contract 6.2).
RETURN_REASONS = {
    "0": "invalid details",
    "2": "beneficiary deceased",
    "3": "account transferred",
    "5": "no account",
    "B": "account closed",
    "C": "requested by remitter",
}

AMENDMENT_REASONS = {
    "0": "invalid details, correct details supplied",
    "3": "account transferred, new details supplied",
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


@dataclass(frozen=True)
class Amendment:
    """A credit that was applied to another account than we named; ``new_`` is where."""

    line: int
    sort_code: str
    account_number: str
    new_sort_code: str
    new_account_number: str
    name: str
    amount_pence: int | None
    reference: str
    code: str
    reason: str
    effective_on: date | None


@dataclass(frozen=True)
class AmendmentAdvice:
    """Credits that were applied elsewhere (AWACS): the payees' details want correcting."""

    service_user_number: str
    amended: tuple[Amendment, ...]
    kind: Literal["awacs"] = "awacs"


BacsReport = InputReport | ReturnAdvice | AmendmentAdvice


@cache
def load_names(path: Path | None) -> Names:
    """Return the names that a bank uses in place of the published ones.

    Raises:
        ValueError: the file is not a JSON object of texts.
    """
    if path is None:
        return AS_PUBLISHED
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ValueError(f"{path} is not a JSON object of names")
    return MappingProxyType(found)


def read_report(content: bytes, names: Names = AS_PUBLISHED) -> BacsReport:
    """Return what a report says; refuses document types, entities and unknown shapes.

    Raises:
        UnreadableError: with line and reason.
    """
    root = parse_xml(content)
    reader = _Reader(names)
    found = next(reader.each(root, "InputReport"), None)
    if found is not None:
        return reader.input_report(found)
    found = next(reader.each(root, "ARUCS"), None)
    if found is not None:
        return reader.return_advice(found)
    found = next(reader.each(root, "MessagingAdvices"), None)
    if found is not None:
        return reader.amendment_advice(found)
    raise ReportUnreadableError(
        line_of(root), "neither an input report nor an ARUCS or AWACS advice"
    )


class _Reader:
    """Finds elements and attributes by the names of the specification, or those set for them."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def _name(self, name: str) -> str:
        return self._names.get(name, name)

    def each(self, parent: etree._Element, name: str) -> Iterator[etree._Element]:
        wanted = self._name(name)
        return (element for element in parent.iter() if local(element) == wanted)

    def _one(self, parent: etree._Element, name: str) -> etree._Element:
        found = list(self.each(parent, name))
        if len(found) != 1:
            raise ReportUnreadableError(
                line_of(parent), f"{len(found)} elements {self._name(name)} where one belongs"
            )
        return found[0]

    def _maybe(self, element: etree._Element, name: str) -> str:
        return str(element.get(self._name(name)) or "").strip()

    def _text(self, element: etree._Element, name: str) -> str:
        value = element.get(self._name(name))
        if value is None:
            raise ReportUnreadableError(
                line_of(element), f"{local(element)} has no {self._name(name)}"
            )
        return value.strip()

    def _pence(self, element: etree._Element) -> int:
        try:
            return parse_pounds(self._text(element, "valueOf"))
        except ValueError as error:
            raise ReportUnreadableError(line_of(element), f"valueOf: {error}") from None

    def _count(self, element: etree._Element) -> int:
        value = self._text(element, "numberOf")
        if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004 - digits
            raise ReportUnreadableError(line_of(element), "numberOf is not a number")
        return int(value)

    def _day(self, element: etree._Element, name: str) -> date:
        try:
            return date.fromisoformat(self._text(element, name))
        except ValueError:
            raise ReportUnreadableError(line_of(element), f"{name} is not a date") from None

    def input_report(self, report: etree._Element) -> InputReport:
        accepted = self._one(report, "AcceptedRecords")
        rejected = self._one(report, "RejectedRecords")
        return InputReport(
            service_user_number=self._text(self._one(report, "UserFileInformation"), "userNumber"),
            serial=self._text(self._one(report, "SubmissionInformation"), "volumeSerialNumber"),
            processing_day=self._day(self._one(report, "ProcessingDate"), "date"),
            accepted_count=self._count(accepted),
            accepted_pence=self._pence(accepted),
            rejected_count=self._count(rejected),
            rejected_pence=self._pence(rejected),
            rejected=tuple(self._error(error) for error in self.each(report, "Error")),
        )

    def _error(self, error: etree._Element) -> ReportItem:
        item, message = self._one(error, "ErrorItem"), self._one(error, "ErrorMessage")
        return ReportItem(
            line=line_of(item),
            sort_code=self._text(item, "sortCode"),
            account_number=self._text(item, "number"),
            amount_pence=self._pence(item),
            reference=self._text(item, "reference"),
            code=self._text(message, "type"),
            reason=(message.text or "").strip().lower(),
        )

    def return_advice(self, report: etree._Element) -> ReturnAdvice:
        header = self._one(report, "Header")
        user = self._text(self._one(report, "ServiceLicenseInformation"), "userNumber")
        items = self.each(report, "ReturnedCreditItem")
        return ReturnAdvice(
            service_user_number=user,
            advised_on=self._day(header, "currentProcessingDate"),
            returned=tuple(self._returned(item) for item in items),
        )

    def _returned(self, item: etree._Element) -> ReportItem:
        payee = self._one(item, "PayeeAccount")
        code = self._text(item, "returnCode")
        words = self._maybe(item, "returnDescription").lower()
        return ReportItem(
            line=line_of(item),
            sort_code=self._text(payee, "sortCode"),
            account_number=self._text(payee, "number"),
            amount_pence=self._pence(item),
            reference=self._text(item, "ref"),
            code=code,
            reason=RETURN_REASONS.get(code, words),
            original_processing_day=self._day(item, "originalProcessingDate"),
        )

    def amendment_advice(self, report: etree._Element) -> AmendmentAdvice:
        header = self._one(report, "MessagingHeader")
        kind = self._maybe(header, "report-type").upper()
        if kind not in ("", "AWACS"):
            raise ReportUnreadableError(line_of(header), f"advices of kind {kind}, not AWACS")
        advices = list(self.each(report, "MessagingAdvice"))
        users = {self._text(one, "user-number") for one in advices}
        if len(users) != 1:
            raise ReportUnreadableError(
                line_of(report), f"{len(users)} service users in one advice"
            )
        return AmendmentAdvice(users.pop(), tuple(self._amendment(one) for one in advices))

    def _amendment(self, one: etree._Element) -> Amendment:
        code = self._text(one, "reason-code")
        return Amendment(
            line=line_of(one),
            sort_code=self._digits(one, "payee-sort-code", 6),
            account_number=self._digits(one, "payee-account-number", 8),
            new_sort_code=self._digits(one, "payee-new-sort-code", 6),
            new_account_number=self._digits(one, "payee-new-account-number", 8),
            name=self._maybe(one, "payee-name"),
            amount_pence=self._pence(one) if one.get(self._name("valueOf")) else None,
            reference=self._text(one, "reference"),
            code=code,
            reason=AMENDMENT_REASONS.get(code, "details amended"),
            effective_on=self._day(one, "effective-date")
            if one.get(self._name("effective-date"))
            else None,
        )

    def _digits(self, element: etree._Element, name: str, length: int) -> str:
        found = self._text(element, name).replace("-", "")
        if not (found.isascii() and found.isdigit() and len(found) == length):
            raise ReportUnreadableError(line_of(element), f"{name} is not of {length} digits")
        return found
