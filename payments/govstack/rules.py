"""What both GovStack shapes share: reading JSON exactly, amounts, accounts, modalities."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from payments.payees.bank_details import BankDetails, normalise
from payments.vouchers.actions.issue import REHEARSAL_CURRENCIES
from shared.errors import Invalid

UNREADABLE: Final = object()

# The meaning of the codes is not published (unverified); others are refused.
BANK_ACCOUNT = "00"
MODALITIES: Mapping[str, str] = {
    "00": "bank account",
    "01": "wallet",
    "02": "voucher",
    "03": "cash",
    "04": "other",
}
# Whatever else a code means, money goes to it where its address is a UK bank account.
NOT_BY_ACCOUNT = frozenset({"02", "03"})
MAXIMUM_INSTRUCTIONS = 20_000
MAXIMUM_PENCE = 2_000_000_000
_DEEPEST = 20
_SORT_CODE = 6
_IBAN = re.compile(r"GB[0-9]{2}[A-Z]{4}[0-9]{14}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{14}", re.ASCII)
_LETTERS_BEFORE_A = 55
_BACS = re.compile(r"[^A-Z0-9.&/ -]")
_REFERENCE = 18


def read_json(content: bytes) -> object:
    """Return a JSON value with its numbers exact, ``UNREADABLE`` for what is none.

    Refuses what no database could keep: null characters, half surrogates, endless nesting.
    """
    try:
        value: object = json.loads(content, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return UNREADABLE
    return value if _is_clean(value, _DEEPEST) else UNREADABLE


def _refuse(_constant: str) -> object:
    raise ValueError("not a JSON number")


def _is_clean(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
    if depth == 0:
        return not isinstance(value, list | dict)
    if isinstance(value, list):
        return all(_is_clean(one, depth - 1) for one in value)
    if isinstance(value, dict):
        return all(
            _is_clean(name, depth) and _is_clean(one, depth - 1) for name, one in value.items()
        )
    return True


def body_sha256(value: object) -> bytes:
    """Return the SHA-256 of a JSON value in canonical form."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).digest()


def text_of(value: object, name: str, *, exactly: int = 0, at_most: int = 0) -> str | None:
    """Return a text member of an object, None when it is no text of that length."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found.isprintable():
        return None
    if exactly and len(found) != exactly:
        return None
    return found if not at_most or len(found) <= at_most else None


def pence_of(value: object) -> int | None:
    """Return a JSON number in pounds as pence, None for no number, zero, below, or half pence."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not 0 < number <= MAXIMUM_PENCE // 100:
        return None
    pence = number * 100
    return int(pence) if pence == pence.to_integral_value() else None


def currency_fault(currency: str, *, is_open: bool) -> str:
    """Return why a currency is refused, empty where it is not.

    The open listener also counts in the test currencies of a rehearsal, which is never paid.
    """
    if currency == "GBP" or (is_open and currency in REHEARSAL_CURRENCIES):
        return ""
    return "Currency must be GBP"


def read_address(address: str) -> BankDetails | None:
    """Return the UK account that a financial address names: IBAN, or sort code and account.

    None for everything else: foreign accounts, wallets, wrong check digits.
    """
    plain = re.sub(r"[\s-]", "", address).upper()
    if _IBAN.fullmatch(plain) and _has_check_digits(plain):
        plain = plain[8:]
    if not _ACCOUNT.fullmatch(plain):
        return None
    try:
        return normalise(plain[:_SORT_CODE], plain[_SORT_CODE:])
    except Invalid:
        return None


def _has_check_digits(iban: str) -> bool:
    moved = iban[4:] + iban[:4]
    digits = "".join(
        str(ord(sign) - _LETTERS_BEFORE_A) if sign.isalpha() else sign for sign in moved
    )
    return int(digits) % 97 == 1


def make_reference(narration: str, instruction_id: str) -> str:
    """Return a payment reference in the Bacs alphabet: the narration, else the instruction's id."""
    for words in (narration, instruction_id):
        clean = " ".join(_BACS.sub(" ", words.upper()).split())[:_REFERENCE].strip()
        if clean:
            return clean
    return "GOVSTACK"


@dataclass(frozen=True)
class Instruction:
    """One order of a batch as it was sent."""

    instruction_id: str
    functional_id: str
    amount_pence: int
    currency: str
    narration: str
    address: str = ""


@dataclass(frozen=True)
class Batch:
    """A whole batch as it was sent, after its shape's own checks."""

    shape: str
    kind: str
    request_id: str
    source: str
    batch_id: str
    sha256: bytes
    instructions: tuple[Instruction, ...]

    @property
    def is_rehearsal(self) -> bool:
        """Whether the batch counts in a test currency, so that nobody is ever paid."""
        return self.instructions[0].currency != "GBP"


def batch_fault(instructions: tuple[Instruction, ...]) -> str:
    """Return why instructions cannot be one batch, empty where they can."""
    if not instructions:
        return "CreditInstructions must not be empty"
    if len(instructions) > MAXIMUM_INSTRUCTIONS:
        return f"CreditInstructions must not be more than {MAXIMUM_INSTRUCTIONS}"
    if len({one.currency for one in instructions}) > 1:
        return "All instructions of a batch must have one currency"
    if len({one.instruction_id for one in instructions}) < len(instructions):
        return "Two instructions of the batch have the same id"
    return ""
