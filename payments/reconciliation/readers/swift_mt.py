"""Reads MT940 statements and MT942 interim reports through `mt-940` (payments contract 8)."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

import mt940

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers.common import decode, kind_of, said, split_account, to_pence
from payments.reconciliation.rules import ReadStatements, Statement, StatementLine

_MAXIMUM_STATEMENTS = 1_000
_OPTIONS = mt940.Options.all()
_MARKS = ("/EREF/", "EREF+", "/KREF/")


def read(content: bytes) -> ReadStatements:
    """Return the statements of a file, one for each tag 20.

    A line of zero is information and left out with a warning. MT942 says what came so far: its
    statements are marked as interim, and their lines are booked when the statement comes.

    Raises:
        UnreadableError: with line and reason.
    """
    text = decode(content)
    begins = [found.start() for found in re.finditer(r"(?m)^:20:", text)]
    if not begins:
        raise UnreadableError(1, "no statement (tag 20)")
    if len(begins) > _MAXIMUM_STATEMENTS:
        raise UnreadableError(0, f"more than {_MAXIMUM_STATEMENTS} statements in one file")
    warnings: list[str] = []
    statements = []
    interim = False
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        line = text.count("\n", 0, begin) + 1
        part = text[begin:end]
        interim = interim or bool(re.search(r"(?m)^:(13D?|34F|90[CD]):", part))
        statements.append(_statement(part, line, warnings))
    return ReadStatements("mt942" if interim else "mt940", tuple(statements), tuple(warnings))


def _parse(part: str, line: int) -> mt940.models.Transactions:
    try:
        found = mt940.parse_statements(part, options=_OPTIONS)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RuntimeError,
        AssertionError,
        IndexError,
        InvalidOperation,
        OverflowError,
    ) as error:
        raise UnreadableError(line, _locate(part, line, error)) from None
    if len(found) != 1:
        raise UnreadableError(line, "not one statement for one tag 20")
    return found[0]


def _locate(part: str, line: int, error: Exception) -> str:
    """Say which tag is likely at fault: the library names its text, seldom its place."""
    words = str(error)[:120] or type(error).__name__
    for number, text in enumerate(part.splitlines()):
        tag = re.match(r":(\d\d[A-Z]?):", text)
        if tag and len(text) > len(tag[0]) and text[len(tag[0]) :][:30] in str(error):
            return f"line {line + number}, column {len(tag[0]) + 1}: tag {tag[1]} is not readable"
    return f"not readable: {words}"


def _statement(part: str, line: int, warnings: list[str]) -> Statement:
    parsed = _parse(part, line)
    data = parsed.data
    opening = data.get("final_opening_balance") or data.get("intermediate_opening_balance")
    closing = data.get("final_closing_balance") or data.get("intermediate_closing_balance")
    if not data.get("account_identification"):
        raise UnreadableError(line, "no account (tag 25)")
    interim = opening is None and closing is None
    lines = [
        one
        for number, transaction in enumerate(parsed.transactions, 1)
        if (one := _line(transaction.data, line, number, warnings)) is not None
    ]
    currencies = {str(one.data.get("currency") or "") for one in parsed.transactions}
    currencies |= {str(one.amount.currency) for one in (opening, closing) if one is not None}
    currencies.discard("")
    if len(currencies) != 1:
        raise UnreadableError(line, "not one currency in one statement")
    days = [one.booking_date for one in lines]
    days += [_day(one.date, line) for one in (opening, closing) if one is not None]
    if isinstance(data.get("date"), date):
        days.append(_day(data["date"], line))
    if not days:
        raise UnreadableError(line, "no day in the statement")
    sort_code, account = split_account(str(data["account_identification"]))
    last = max(days) if closing is None else _day(closing.date, line)
    if interim:
        warnings.append(f"line {line}: an interim report without balances")
    return Statement(
        sort_code,
        account,
        currencies.pop(),
        _name(data, last),
        None,
        None if opening is None else to_pence(opening.amount.amount, line, "opening balance"),
        None if closing is None else to_pence(closing.amount.amount, line, "closing balance"),
        min(*days, last),
        max(*days, last),
        tuple(lines),
        interim=interim,
    )


def _name(data: dict[str, object], last: date) -> str:
    number = str(data.get("statement_number") or "").lstrip("0")
    part = str(data.get("sequence_number") or "").lstrip("0")
    what = "/".join(filter(None, (number, part))) or str(data.get("transaction_reference") or "")
    return f"{what[:60]} {last.isoformat()}".strip()


def _day(found: object, line: int) -> date:
    if not isinstance(found, date):
        raise UnreadableError(line, "a day is missing")
    return date(found.year, found.month, found.day)


def _line(
    data: dict[str, object], line: int, number: int, warnings: list[str]
) -> StatementLine | None:
    amount = getattr(data.get("amount"), "amount", None)
    if not isinstance(amount, Decimal):
        raise UnreadableError(line, f"entry {number} has no amount")
    pence = to_pence(amount, line, f"entry {number}")
    if pence == 0:
        warnings.append(f"line {line}: entry {number} of zero was left out")
        return None
    valued = _day(data.get("date"), line)
    booked = _day(data.get("entry_date") or data.get("date"), line)
    details = str(data.get("transaction_details") or "")
    words = " ".join(filter(None, (str(data.get("purpose") or ""), details))).replace("\n", " ")
    code = str(data.get("id") or "")
    customer = said(str(data.get("customer_reference") or ""))
    return StatementLine(
        amount_pence=pence,
        booking_date=booked,
        value_date=valued,
        kind=kind_of(pence, code),
        bank_code=code[:20],
        bank_ref=said(str(data.get("bank_reference") or "")),
        end_to_end_id=_end_to_end(words) or said(str(data.get("end_to_end_reference") or "")),
        reference=customer or words[:140],
        counterparty_name=str(data.get("applicant_name") or "")[:140],
        narrative=" ".join(filter(None, (str(data.get("extra_details") or ""), words)))[:2000],
    )


def _end_to_end(words: str) -> str:
    for mark in _MARKS[:2]:
        _before, found, after = words.partition(mark)
        if found:
            return said(re.split(r"[/\s]", after, maxsplit=1)[0])
    return ""
