"""Reads camt.053 statements and camt.054 notifications by local names (payments contract 7.2)."""

import re
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from lxml import etree

from payments.bank.safe_xml import UnreadableError, each, line_of, local, parse_xml, text_at
from payments.reconciliation.rules import LineKind, ReadStatements, Statement, StatementLine

_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.(0[2-9]|1[0-9])\}")
_AMOUNT = re.compile(r"\+?(\d{1,15})(?:\.(\d{0,2})0*)?", re.ASCII)
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_SORT_CODE_AND_ACCOUNT = 14
_ACCOUNT_DIGITS = 8
_RETURN_CODE = "RA"


class _Party(NamedTuple):
    name: str
    sort_code: str
    account: str


def read(content: bytes) -> ReadStatements:
    """Return the statements of a camt.053 message.

    Only booked entries become lines; pending ones are reported, informational ones ignored.

    Raises:
        UnreadableError: with line and reason.
    """
    root = parse_xml(content)
    warnings = []
    if not _NAMESPACE.match(str(root.tag)):
        warnings.append("the namespace is not one of camt.053 or camt.054 from version 02")
    found = list(each(root, "BkToCstmrStmt/Stmt"))
    notified = [] if found else list(each(root, "BkToCstmrDbtCdtNtfctn/Ntfctn"))
    if not found and not notified:
        raise UnreadableError(line_of(root), "no statement (BkToCstmrStmt/Stmt)")
    statements = [_statement(part, warnings) for part in found]
    statements += [replace(_statement(part, warnings), interim=True) for part in notified]
    return ReadStatements("camt.053" if found else "camt.054", tuple(statements), tuple(warnings))


def _statement(part: etree._Element, warnings: list[str]) -> Statement:
    sort_code, account = _account(part)
    currency = text_at(part, "Acct/Ccy") or _first_currency(part)
    opening, closing = _balance(part, _OPENING, currency), _balance(part, _CLOSING, currency)
    day_of_balance = _day_at(part, "Bal/Dt") or _day_of_notice(part)
    from_date = _day_at(part, "FrToDt", ("FrDtTm", "FrDt")) or day_of_balance
    to_date = _day_at(part, "FrToDt", ("ToDtTm", "ToDt")) or day_of_balance
    if from_date is None or to_date is None or from_date > to_date:
        raise UnreadableError(line_of(part), "the statement has no proper period")
    lines = []
    for entry in each(part, "Ntry"):
        status = text_at(entry, "Sts/Cd", "Sts").upper()
        if status == "BOOK":
            lines.append(_line(entry, currency, to_date))
        elif status == "PDNG":
            warnings.append(f"line {line_of(entry)}: a pending entry is not booked")
        elif status != "INFO":
            raise UnreadableError(line_of(entry), f"entry status {status or 'missing'}")
    sequence = text_at(part, "ElctrncSeqNb", "LglSeqNb")
    return Statement(
        sort_code,
        account,
        currency,
        text_at(part, "Id"),
        int(sequence) if re.fullmatch(r"[0-9]{1,18}", sequence) else None,
        opening,
        closing,
        from_date,
        to_date,
        tuple(lines),
    )


def _account(part: etree._Element) -> tuple[str, str]:
    """Return sort code and account number; other schemes come back whole, with no sort code."""
    iban = text_at(part, "Acct/Id/IBAN").replace(" ", "")
    if re.fullmatch(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}", iban):
        return iban[8:14], iban[14:]
    other = re.sub(r"[\s-]", "", text_at(part, "Acct/Id/Othr/Id"))
    if other.isdigit() and len(other) == _SORT_CODE_AND_ACCOUNT:
        return other[:6], other[6:]
    member = text_at(part, "Acct/Svcr/FinInstnId/ClrSysMmbId/MmbId")
    if other.isdigit() and len(other) == _ACCOUNT_DIGITS and re.fullmatch(r"[0-9]{6}", member):
        return member, other
    if not (iban or other):
        raise UnreadableError(line_of(part), "the statement names no account")
    return "", iban or other


def _first_currency(part: etree._Element) -> str:
    for amount in part.iter():
        if local(amount) == "Amt" and amount.get("Ccy"):
            return str(amount.get("Ccy"))
    raise UnreadableError(line_of(part), "the statement names no currency")


def _pence(amount: etree._Element, currency: str) -> int:
    if amount.get("Ccy", currency) != currency:
        raise UnreadableError(line_of(amount), f"an amount in {amount.get('Ccy')}, not {currency}")
    found = _AMOUNT.fullmatch((amount.text or "").strip())
    if found is None:
        raise UnreadableError(line_of(amount), "not an amount with at most two decimals")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _signed(parent: etree._Element, currency: str) -> int:
    amount = next(each(parent, "Amt"), None)
    sign = text_at(parent, "CdtDbtInd")
    if amount is None or sign not in {"CRDT", "DBIT"}:
        raise UnreadableError(line_of(parent), "an amount with CRDT or DBIT is missing")
    return _pence(amount, currency) * (1 if sign == "CRDT" else -1)


def _balance(part: etree._Element, codes: tuple[str, ...], currency: str) -> int | None:
    for code in codes:
        for balance in each(part, "Bal"):
            if text_at(balance, "Tp/CdOrPrtry/Cd") == code:
                return _signed(balance, currency)
    return None


def _day_at(
    parent: etree._Element, path: str, names: tuple[str, ...] = ("Dt", "DtTm")
) -> date | None:
    for element in each(parent, path):
        text = text_at(element, *names)
        if text:
            try:
                return date.fromisoformat(text[:10])
            except ValueError:
                raise UnreadableError(line_of(element), f"{text[:20]} is not a date") from None
    return None


def _day_of_notice(part: etree._Element) -> date | None:
    """Return the day on which a message was made, where nothing else tells its period."""
    made = text_at(part, "CreDtTm")[:10]
    try:
        return date.fromisoformat(made) if made else None
    except ValueError:
        raise UnreadableError(line_of(part), f"{made} is not a date") from None


def _line(entry: etree._Element, currency: str, fallback: date) -> StatementLine:
    amount = _signed(entry, currency)
    if amount == 0:
        raise UnreadableError(line_of(entry), "an entry of zero")
    value_date = _day_at(entry, "ValDt")
    booking_date = _day_at(entry, "BookgDt") or value_date or fallback
    details = list(each(entry, "NtryDtls/TxDtls"))
    _check_details(entry, details, abs(amount), currency)
    single = details[0] if len(details) == 1 else None
    code = text_at(entry, "BkTxCd/Prtry/Cd") or "/".join(
        filter(
            None,
            (
                text_at(entry, "BkTxCd/Domn/Cd"),
                text_at(entry, "BkTxCd/Domn/Fmly/Cd"),
                text_at(entry, "BkTxCd/Domn/Fmly/SubFmlyCd"),
            ),
        )
    )
    batch = text_at(entry, "NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId")
    kind, reason = _kind(amount, code, batch, single)
    party = _Party("", "", "") if single is None else _counterparty(single, amount, kind)
    return StatementLine(
        amount_pence=amount,
        booking_date=booking_date,
        value_date=value_date or booking_date,
        kind=kind,
        bank_code=code,
        bank_ref=text_at(entry, "AcctSvcrRef", "NtryRef"),
        end_to_end_id=_reference(single, "EndToEndId"),
        batch_ref=batch or _reference(single, "PmtInfId") or _reference(single, "MsgId"),
        reference=""
        if single is None
        else text_at(single, "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Ustrd"),
        counterparty_name=party.name,
        counterparty_sort_code=party.sort_code,
        counterparty_account=party.account,
        return_reason=reason,
        narrative=text_at(entry, "AddtlNtryInf"),
        uetr=_reference(single, "UETR").lower(),
    )


def _check_details(
    entry: etree._Element, details: list[etree._Element], total: int, currency: str
) -> None:
    amounts = []
    for one in details:
        found = next(each(one, "AmtDtls/TxAmt/Amt"), None)
        found = next(each(one, "Amt"), None) if found is None else found
        if found is None or found.get("Ccy", currency) != currency:
            return
        amounts.append(_pence(found, currency))
    if amounts and sum(amounts) != total:
        raise UnreadableError(
            line_of(entry), f"details of {sum(amounts)} in an entry of {total} (pence)"
        )


def _kind(
    amount: int, code: str, batch: str, single: etree._Element | None
) -> tuple[LineKind, str]:
    returned = None if single is None else next(each(single, "RtrInf"), None)
    if returned is not None or code == _RETURN_CODE:
        reason = "" if returned is None else text_at(returned, "Rsn/Cd", "Rsn/Prtry", "AddtlInf")
        return "return", reason
    if batch and amount < 0:
        return "contra", ""
    return ("credit" if amount > 0 else "debit"), ""


def _reference(single: etree._Element | None, name: str) -> str:
    found = "" if single is None else text_at(single, f"Refs/{name}")
    return "" if found == "NOTPROVIDED" else found


def _counterparty(single: etree._Element, amount: int, kind: LineKind) -> _Party:
    # A return keeps the roles of the original payment: the creditor is whom we had paid.
    role = "Cdtr" if amount < 0 or kind == "return" else "Dbtr"
    name = text_at(single, f"RltdPties/{role}/Pty/Nm", f"RltdPties/{role}/Nm")
    iban = text_at(single, f"RltdPties/{role}Acct/Id/IBAN").replace(" ", "")
    if re.fullmatch(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}", iban):
        return _Party(name, iban[8:14], iban[14:])
    other = re.sub(r"[\s-]", "", text_at(single, f"RltdPties/{role}Acct/Id/Othr/Id"))
    if other.isdigit() and len(other) == _SORT_CODE_AND_ACCOUNT:
        return _Party(name, other[:6], other[6:])
    member = text_at(single, f"RltdAgts/{role}Agt/FinInstnId/ClrSysMmbId/MmbId")
    return _Party(name, member, other)
