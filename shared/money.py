"""Money is whole pence; text becomes pence once, at the door."""

import re
from typing import NewType

Pence = NewType("Pence", int)

_POUNDS = re.compile(
    r"£?\s*(?P<sign>-?)(?P<pounds>\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.(?P<pence>\d{1,2}))?"
)


def format_pounds(amount_pence: int) -> str:
    """Return pence as people read them: ``£1,234.50``, with a minus sign in front when negative."""
    sign = "-" if amount_pence < 0 else ""
    pounds, pence = divmod(abs(amount_pence), 100)
    return f"{sign}£{pounds:,}.{pence:02d}"


def parse_pounds(text: str) -> Pence:
    """Return typed pounds as pence; refuses more than two decimals and anything but a number.

    Raises:
        ValueError: the text is not an amount in pounds.
    """
    found = _POUNDS.fullmatch(text.strip())
    if found is None:
        raise ValueError("not an amount in pounds and pence")
    pounds = int(found["pounds"].replace(",", ""))
    pence = int((found["pence"] or "0").ljust(2, "0"))
    total = pounds * 100 + pence
    return Pence(-total if found["sign"] else total)
