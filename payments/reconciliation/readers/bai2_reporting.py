"""Reads BAI2 cash reports through `bai2` (payments contract 8)."""

from datetime import date

from bai2 import bai2
from bai2.exceptions import IntegrityException, NotSupportedYetException, ParsingException
from bai2.models import Account, Bai2File, Group, TransactionDetail

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers.common import decode, kind_of, said, split_account
from payments.reconciliation.rules import ReadStatements, Statement, StatementLine

_OPENING, _CLOSING = ("010", "011"), ("015",)
_DEBITS_FROM, _DEBITS_TO = 400, 699
_CREDITS_FROM = 100
_RETURNED = {"257", "266", "555"}
_BROKEN = (
    ParsingException,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    StopIteration,
    OverflowError,
)


def read(content: bytes) -> ReadStatements:
    """Return the statements of a BAI2 file, one for each account in it.

    Control totals that contradict the records do not stop the reading: the statements carry the
    problem, and nothing of them is booked until people decide.

    Raises:
        UnreadableError: with line and reason.
    """
    lines = [line for line in decode(content).splitlines() if line.strip()]
    problem = ""
    try:
        file = _parse(lines, check=True)
    except IntegrityException as error:
        problem = f"the totals are wrong: {error}"[:500]
        file = _parse(lines, check=False)
    statements = tuple(
        _statement(group, account, number, problem)
        for group in file.children
        for number, account in enumerate(group.children, 1)
    )
    if not statements:
        raise UnreadableError(len(lines), "no account in the file")
    return ReadStatements("bai2", statements, (problem,) if problem else ())


def _parse(lines: list[str], *, check: bool) -> Bai2File:
    try:
        found = bai2.parse_from_lines(lines, check_integrity=check)
    except NotSupportedYetException as error:
        raise UnreadableError(_place(lines, str(error)), str(error)[:200]) from None
    except _BROKEN as error:
        words = str(error)[:200] or "the file ends too early"
        raise UnreadableError(_place(lines, words), f"not readable as BAI2: {words}") from None
    if not isinstance(found, Bai2File):
        raise UnreadableError(1, "not a BAI2 file")
    return found


def _place(lines: list[str], words: str) -> int:
    """Return the first line whose type code or beginning the library complains about."""
    for number, line in enumerate(lines, 1):
        fields = line.split(",")
        if any(len(field) > 2 and f"'{field}'" in words for field in fields):  # noqa: PLR2004 - a type code has three digits
            return number
    return 0


def _amount(account: Account, codes: tuple[str, ...]) -> int | None:
    for item in account.header.summary_items:
        if item.type_code is not None and item.type_code.code in codes:
            return None if item.amount is None else int(item.amount)
    return None


def _statement(group: Group, account: Account, number: int, problem: str) -> Statement:
    on = group.header.as_of_date
    if not isinstance(on, date):
        raise UnreadableError(0, "a group without a date")
    sort_code, name = split_account(str(account.header.customer_account_number or ""))
    if not name:
        raise UnreadableError(0, "an account without a number")
    currency = str(account.header.currency or group.header.currency or "GBP")[:3].upper()
    lines = tuple(_line(one, on) for one in account.children if one.amount)
    return Statement(
        sort_code,
        name,
        currency,
        f"{group.header.originator_id or ''} {on.isoformat()}/{number}".strip(),
        None,
        _amount(account, _OPENING),
        _amount(account, _CLOSING),
        on,
        on,
        lines,
        problem=problem,
    )


def _line(one: TransactionDetail, on: date) -> StatementLine:
    code = one.type_code.code if one.type_code is not None else ""
    if not code.isdigit() or not _CREDITS_FROM <= int(code) <= _DEBITS_TO:
        raise UnreadableError(0, f"type code {code or 'missing'} is no movement")
    pence = int(one.amount)
    if pence < 0:
        raise UnreadableError(0, f"a negative amount with type code {code}")
    if int(code) >= _DEBITS_FROM:
        pence = -pence
    valued = (one.availability or {}).get("date") or on
    words = (one.text or "").replace("\n", " ").strip()
    return StatementLine(
        amount_pence=pence,
        booking_date=on,
        value_date=valued if isinstance(valued, date) else on,
        kind="return" if code in _RETURNED and pence > 0 else kind_of(pence, ""),
        bank_code=code,
        bank_ref=said(one.bank_reference),
        reference=said(one.customer_reference) or words[:140],
        narrative=words[:2000],
    )
