"""What all readers of statements share: text, amounts and accounts of any shape."""

import re
from decimal import Decimal, InvalidOperation

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.rules import LineKind

MAXIMUM_BYTES = 64 * 1024 * 1024
_MAXIMUM_PENCE = 10**17
_SORT_CODE_AND_ACCOUNT = 14
_ACCOUNT = 8
_SAID_NOTHING = {"NONREF", "NOTPROVIDED", "NOREF", ""}


def decode(content: bytes) -> str:
    """Return a file's text: UTF-8, else the Western Windows characters that banks use.

    Raises:
        UnreadableError: too large, or with null characters.
    """
    if len(content) > MAXIMUM_BYTES:
        raise UnreadableError(0, "larger than 64 MB")
    if (place := content.find(b"\0")) >= 0:
        raise UnreadableError(content.count(b"\n", 0, place) + 1, "a null character")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def to_pence(amount: Decimal | str, line: int, where: str = "amount") -> int:
    """Return an amount in whole pence; refuses more than two decimals and what is no number.

    Raises:
        UnreadableError: names the line and the field.
    """
    try:
        pence = Decimal(amount) * 100
    except InvalidOperation:
        raise UnreadableError(line, f"{where}: not an amount: {str(amount)[:20]}") from None
    if not pence.is_finite() or pence != pence.to_integral_value():
        raise UnreadableError(line, f"{where}: not an amount with at most two decimals")
    if abs(pence) > _MAXIMUM_PENCE:
        raise UnreadableError(line, f"{where}: too large")
    return int(pence)


def split_account(text: str) -> tuple[str, str]:
    """Return sort code and account number; what has no sort code comes back whole, without one."""
    plain = re.sub(r"\s", "", text).upper()
    if re.fullmatch(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}", plain):
        return plain[8:14], plain[14:]
    digits = re.sub(r"[-/.]", "", plain)
    if digits.isascii() and digits.isdigit() and len(digits) == _SORT_CODE_AND_ACCOUNT:
        return digits[:6], digits[6:]
    return "", plain[:40]


def said(text: str | None) -> str:
    """Return a reference, empty where the bank writes that there is none."""
    plain = (text or "").strip()
    return "" if plain.upper() in _SAID_NOTHING else plain[:140]


def kind_of(pence: int, code: str) -> LineKind:
    """Return what a line is by its sign and the bank's code: RA and RTR are returned credits."""
    if pence > 0 and code.upper() in {"RA", "NRTI", "NRTR", "RTR"}:
        return "return"
    return "credit" if pence > 0 else "debit"
