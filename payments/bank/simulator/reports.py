"""Writes the reports of Bacs and the camt.053 statements that the bank gives its customers."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from xml.etree import ElementTree as ET

from payments.bank.simulator.flags import BY_CODE

_CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_CAMT_054 = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"


def pounds(pence: int) -> str:
    """Return pence as pounds with two decimals."""
    return f"{pence // 100}.{pence % 100:02d}"


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ET.Element, path: str, text: str | None = None, **attributes: str) -> ET.Element:
    for tag in path.split("/"):
        parent = ET.SubElement(parent, tag)
    parent.text = text
    for name, value in attributes.items():
        parent.set(name, value)
    return parent


def input_report(submission: sqlite3.Row, bad: Sequence[sqlite3.Row], off: int = 0) -> bytes:
    """Return the input report of a submission: totals, and an error for each rejected item.

    ``off`` pence too many are told, as a bank that contradicts the file would.
    """
    root = ET.Element("BACSDocument")
    report = _add(root, "Data/InputReport")
    header = _add(report, "Header", reportType="INPUT")
    _add(header, "ProcessingDate", date=submission["processing"])
    place = _add(report, "Submission")
    _add(place, "SubmissionInformation", volumeSerialNumber=submission["serial"])
    file = _add(place, "UserFile/InputUserFile")
    _add(file, "UserFileInformation", userNumber=submission["user_number"], userFileNumber="001")
    errors = _add(file, "Errors")
    for item in bad:
        error = _add(errors, "Error")
        _add(
            error,
            "ErrorItem",
            reference=item["reference"],
            valueOf=pounds(item["pence"]),
            sortCode=item["sort_code"],
            number=item["account"],
            name=item["name"],
        )
        _add(error, "ErrorMessage", "DESTINATION SORT CODE", type=item["code"])
    entry = _add(file, "InputReportSummary/AccountTotals/AccountTotal/CreditEntry")
    rejected = sum(item["pence"] for item in bad)
    good = submission["items"] - len(bad)
    for name, count, pence in (
        ("AcceptedRecords", good, submission["pence"] - rejected + off),
        ("RejectedRecords", len(bad), rejected),
    ):
        _add(entry, name, numberOf=str(count), valueOf=pounds(pence))
    return _bytes(root)


def return_advice(
    number: str, day: date, user_number: str, groups: dict[tuple[str, str], list[sqlite3.Row]]
) -> bytes:
    """Return the advice of unapplied credits (ARUCS) of one service user and day."""
    root = ET.Element("BACSDocument")
    report = _add(root, "Data/ARUCS")
    _add(
        report,
        "Header",
        reportType="REFT1027",
        adviceNumber=number,
        currentProcessingDate=day.isoformat(),
    )
    _add(report, "ServiceLicenseInformation", userNumber=user_number)
    for (sort_code, account), items in groups.items():
        record = _add(report, "Advice/OriginatingAccountRecords/OriginatingAccountRecord")
        _add(record, "OriginatingAccount", sortCode=sort_code, number=account)
        for item in items:
            returned = _add(
                record,
                "ReturnedCreditItem",
                ref=item["reference"],
                transCode="RA",
                returnCode=item["code"],
                returnDescription=BY_CODE[item["code"]][0],
                originalProcessingDate=item["processing"],
                valueOf=pounds(item["pence"]),
                currency="GBP",
            )
            _add(
                returned,
                "PayeeAccount",
                number=item["account"],
                sortCode=item["sort_code"],
                name=item["name"],
            )
        value = pounds(sum(item["pence"] for item in items))
        _add(record, "Totals", numberOf=str(len(items)), valueOf=value)
    return _bytes(root)


def amendment_advice(user_number: str, day: date, items: Sequence[sqlite3.Row]) -> bytes:
    """Return the advice of credits that were applied to other accounts (AWACS)."""
    root = ET.Element("BACSDocument")
    report = _add(root, "Data/MessagingAdvices")
    header = _add(report, "MessagingHeader")
    header.set("report-type", "AWACS")
    header.set("report-generation-date", day.isoformat())
    for item in items:
        advice = _add(report, "MessagingAdvice")
        for name, value in (
            ("user-number", user_number),
            ("record-type", "A"),
            ("reason-code", "3"),
            ("reference", item["reference"]),
            ("effective-date", day.isoformat()),
            ("valueOf", pounds(item["pence"])),
            ("payee-name", item["name"]),
            ("payee-sort-code", item["sort_code"]),
            ("payee-account-number", item["account"]),
            ("payee-new-sort-code", item["applied_to"][:6]),
            ("payee-new-account-number", item["applied_to"][6:]),
        ):
            advice.set(name, value)
    return _bytes(root)


def statement(
    account: sqlite3.Row, identification: str, sequence: int, day: date, lines: list[sqlite3.Row]
) -> bytes:
    """Return the statement of an account and day as camt.053.001.08."""
    root = ET.Element("Document", xmlns=_CAMT)
    body = _add(root, "BkToCstmrStmt")
    made = f"{day.isoformat()}T19:00:00Z"
    header = _add(body, "GrpHdr")
    _add(header, "MsgId", identification)
    _add(header, "CreDtTm", made)
    part = _add(body, "Stmt")
    _add(part, "Id", identification)
    _add(part, "ElctrncSeqNb", str(sequence))
    _add(part, "CreDtTm", made)
    period = _add(part, "FrToDt")
    _add(period, "FrDtTm", f"{day.isoformat()}T00:00:00Z")
    _add(period, "ToDtTm", f"{day.isoformat()}T23:59:59Z")
    owner = _add(part, "Acct")
    _add(owner, "Id/Othr/Id", account["sort_code"] + account["number"])
    _add(owner, "Ccy", "GBP")
    _add_member(_add(owner, "Svcr/FinInstnId"), account["sort_code"])
    closing = account["balance"]
    opening = closing - sum(line["pence"] for line in lines)
    for code, value in (("OPBD", opening), ("CLBD", closing)):
        held = _add(part, "Bal")
        _add(held, "Tp/CdOrPrtry/Cd", code)
        _add_amount(held, value)
        _add(held, "Dt/Dt", day.isoformat())
    for number, line in enumerate(lines, 1):
        _add_entry(part, f"{identification}-{number}", line)
    return _bytes(root)


def notification(
    identification: str, account: str, sequence: int, day: date, lines: list[sqlite3.Row]
) -> bytes:
    """Return the movements of an account and day as camt.054.001.08, which has no balances."""
    root = ET.Element("Document", xmlns=_CAMT_054)
    body = _add(root, "BkToCstmrDbtCdtNtfctn")
    made = f"{day.isoformat()}T19:00:00Z"
    header = _add(body, "GrpHdr")
    _add(header, "MsgId", identification)
    _add(header, "CreDtTm", made)
    part = _add(body, "Ntfctn")
    _add(part, "Id", identification)
    _add(part, "ElctrncSeqNb", str(sequence))
    _add(part, "CreDtTm", made)
    owner = _add(part, "Acct")
    _add(owner, "Id/Othr/Id", account)
    _add(owner, "Ccy", "GBP")
    for number, line in enumerate(lines, 1):
        _add_entry(part, f"{identification}-{number}", line)
    return _bytes(root)


def _add_member(institution: ET.Element, sort_code: str) -> None:
    member = _add(institution, "ClrSysMmbId")
    _add(member, "ClrSysId/Cd", "GBDSC")
    _add(member, "MmbId", sort_code)


def _add_amount(parent: ET.Element, pence: int) -> None:
    _add(parent, "Amt", pounds(abs(pence)), Ccy="GBP")
    _add(parent, "CdtDbtInd", "CRDT" if pence >= 0 else "DBIT")


def _add_entry(part: ET.Element, reference: str, line: sqlite3.Row) -> None:
    entry = _add(part, "Ntry")
    _add(entry, "NtryRef", reference)
    _add_amount(entry, line["pence"])
    _add(entry, "Sts/Cd", "BOOK")
    _add(entry, "BookgDt/Dt", line["day"])
    _add(entry, "ValDt/Dt", line["day"])
    _add(entry, "AcctSvcrRef", f"M{line['id']:09d}")
    _add(entry, "BkTxCd/Prtry/Cd", line["code"])
    details = _add(entry, "NtryDtls")
    if line["batch"]:
        batch = _add(details, "Btch")
        _add(batch, "MsgId", line["batch"])
        _add(batch, "NbOfTxs", str(line["items"]))
        _add_amount_total(batch, line["pence"])
        return
    transaction = _add(details, "TxDtls")
    _add(transaction, "Refs/AcctSvcrRef", f"M{line['id']:09d}")
    _add_amount(transaction, line["pence"])
    parties = _add(transaction, "RltdPties")
    _add(parties, "Cdtr/Pty/Nm", line["other_name"] or "UNKNOWN")
    _add(parties, "CdtrAcct/Id/Othr/Id", line["other_sort_code"] + line["other_account"])
    _add_member(_add(transaction, "RltdAgts/CdtrAgt/FinInstnId"), line["other_sort_code"])
    _add(transaction, "RmtInf/Ustrd", line["reference"])
    if line["reason"]:
        proprietary = line["reason"] == "TRANSFERRED"
        _add(transaction, f"RtrInf/Rsn/{'Prtry' if proprietary else 'Cd'}", line["reason"])


def _add_amount_total(batch: ET.Element, pence: int) -> None:
    _add(batch, "TtlAmt", pounds(abs(pence)), Ccy="GBP")
    _add(batch, "CdtDbtInd", "CRDT" if pence >= 0 else "DBIT")
