"""Which accounts programs may open and post to; pure."""

import re
from datetime import date
from typing import Literal

from payments.ledger.rules import (
    PROGRAMME_EXPENDITURE,
    PROGRAMME_INCOME,
    EntryDraft,
    transfer,
)
from shared.errors import FieldError, Invalid

AccountType = Literal["asset", "liability", "income", "expense"]
EVENT_TYPE = "own.posted"
_CODE = re.compile(r"own\.[a-z0-9][a-z0-9._-]{0,57}")
# Control accounts prove themselves against runs and the bank: nobody else posts there.
_OPEN_TO_PROGRAMS = (PROGRAMME_EXPENDITURE, PROGRAMME_INCOME)
_DEBIT_TYPES = ("asset", "expense")


def check_code(code: str) -> str:
    """Return the code of an account of one's own, which begins with ``own.``."""
    if not _CODE.fullmatch(code):
        raise Invalid(
            FieldError("code", "Use own. and up to 58 lower-case letters, digits, dots and dashes")
        )
    return code


def normal_side(account_type: AccountType) -> str:
    """Return the side on which an account of this type grows."""
    return "debit" if account_type in _DEBIT_TYPES else "credit"


def draft_own(event_id: str, on: date, debit: str, credit: str, amount_pence: int) -> EntryDraft:
    """Return the entry of a program's event.

    Raises:
        Invalid: the same account twice, or one that only the service itself posts to.
    """
    faults = [
        FieldError(field, "Choose an account of your own, or of programme expenditure or income")
        for field, code in (("debit", debit), ("credit", credit))
        if code not in _OPEN_TO_PROGRAMS and not _CODE.fullmatch(code)
    ]
    if debit == credit:
        faults.append(FieldError("credit", "Choose another account than the debited one"))
    if faults:
        raise Invalid(*faults)
    return transfer(EVENT_TYPE, event_id, on, debit, credit, amount_pence)
