"""UK sort codes and account numbers: what was typed, what it means, and how it is kept."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Literal

from shared.crypto import Sealer
from shared.errors import FieldError, Invalid

AccountType = Literal["personal", "business"]

_SORT_CODE_DIGITS = 6
_ACCOUNT_DIGITS = 8
_MAXIMUM_ROLL_NUMBER = 18
_ROLL_NUMBER = re.compile(r"[A-Z0-9/ .-]+")
# Ranges of payments contract 4.1; no public source of the banks confirms them.
_SANTANDER = ((90000, 91999), (720000, 729999), (890000, 892999))
_NATWEST = ((10000, 19999), (500000, 669999))
_COOPERATIVE = ((80000, 82999), (84000, 89999))


@dataclass(frozen=True)
class BankDetails:
    """Where money goes: the derived six and eight digits, and how they came about."""

    sort_code: str
    account_number: str
    typed_sort_code: str
    typed_account_number: str
    derivation: str
    roll_number: str = ""
    iban: str = ""

    @property
    def shown_sort_code(self) -> str:
        """The sort code as people write it, ``nn-nn-nn``."""
        return show_sort_code(self.sort_code)

    @property
    def identification(self) -> str:
        """The fourteen digits of sort code and account."""
        return self.sort_code + self.account_number


def show_sort_code(sort_code: str) -> str:
    """Return six digits as ``nn-nn-nn``."""
    return f"{sort_code[:2]}-{sort_code[2:4]}-{sort_code[4:]}"


def mask_account_number(account_number: str) -> str:
    """Return an account number of which only the last four digits can be read."""
    return f"••••{account_number[-4:]}"


def normalise(sort_code: str, account_number: str, roll_number: str = "") -> BankDetails:
    """Return what was typed as six and eight digits; refuses what no bank uses (contract 4.1).

    Raises:
        Invalid: names ``sort_code``, ``account_number`` or ``roll_number``, all at once.
    """
    faults: list[FieldError] = []
    code = re.sub(r"[\s.\-‐‑–]", "", sort_code)
    if not _is_digits(code, _SORT_CODE_DIGITS) or int(code) == 0:
        faults.append(FieldError("sort_code", "Enter a valid sort code like 80-22-60"))
    digits = re.sub(r"\s", "", account_number)
    if re.fullmatch(r"\d\d-\d{8}", digits, re.ASCII):
        digits = digits.replace("-", "")
    derived: tuple[str, str, str] | None = None
    if not re.fullmatch(r"\d{6,10}", digits, re.ASCII):
        faults.append(
            FieldError("account_number", "Enter a valid account number of 6 to 10 digits")
        )
    elif not faults:
        derived = _derive(code, digits)
        if derived is None:
            faults.append(
                FieldError(
                    "account_number",
                    f"An account number of {len(digits)} digits is not used with this sort code"
                    " (length_not_supported). Enter the 8 digits shown on a statement or card",
                )
            )
    roll = roll_number.strip().upper()
    if roll and (len(roll) > _MAXIMUM_ROLL_NUMBER or not _ROLL_NUMBER.fullmatch(roll)):
        faults.append(
            FieldError(
                "roll_number",
                "Enter a roll number of up to 18 letters, numbers, slashes, dots and hyphens",
            )
        )
    if faults or derived is None:
        raise Invalid(*faults)
    return BankDetails(
        sort_code=derived[0],
        account_number=derived[1],
        typed_sort_code=sort_code.strip(),
        typed_account_number=account_number.strip(),
        derivation=derived[2],
        roll_number=roll,
    )


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _derive(code: str, digits: str) -> tuple[str, str, str] | None:
    """Return sort code, account and the sentence that explains them; None for an unknown length."""
    if len(digits) <= _ACCOUNT_DIGITS:
        zeros = _ACCOUNT_DIGITS - len(digits)
        sentence = f"{zeros} zero{'s'[: zeros > 1]} put in front of the account number"
        return code, "0" * zeros + digits, sentence if zeros else "as typed"
    if len(digits) == _ACCOUNT_DIGITS + 1:
        if _within(code, _SANTANDER):
            sentence = "the first of 9 digits replaced the last digit of the sort code (Santander)"
            return code[:5] + digits[0], digits[1:], sentence
        return None
    if _within(code, _NATWEST):
        return code, digits[-8:], "the last 8 of 10 digits (NatWest)"
    if _within(code, _COOPERATIVE):
        return code, digits[:8], "the first 8 of 10 digits (Co-operative Bank)"
    return None


def _within(code: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= int(code) <= last for first, last in ranges)


class DetailsVault:
    """Seals bank details for one record, and recognises equal ones without opening them."""

    def __init__(self, sealer: Sealer, secret: str) -> None:
        self._sealer = sealer
        self._key = hmac.new(secret.encode(), b"bank details", hashlib.sha256).digest()

    def seal(self, details: BankDetails, record: str) -> bytes:
        """Return the details sealed for the record that owns them."""
        return self._sealer.seal(json.dumps(details.__dict__).encode(), record.encode())

    def open(self, sealed: bytes, record: str) -> BankDetails:
        """Return sealed details; refuses those of another record (``SealBrokenError``)."""
        return BankDetails(**json.loads(self._sealer.open(sealed, record.encode()).decode()))

    def seal_text(self, text: str, record: str) -> bytes:
        """Return a text sealed for the record that owns it."""
        return self._sealer.seal(text.encode(), record.encode())

    def open_text(self, sealed: bytes, record: str) -> str:
        """Return a sealed text; refuses that of another record (``SealBrokenError``)."""
        return self._sealer.open(sealed, record.encode()).decode()

    def fingerprint(self, *parts: str) -> bytes:
        """Return a keyed digest under which equal values are equal and no value can be guessed."""
        return hmac.digest(self._key, "\x1f".join(parts).encode(), "sha256")


def account_fingerprint(vault: DetailsVault, details: BankDetails) -> bytes:
    """Return the digest by which one bank account is found again."""
    return vault.fingerprint("account", details.identification, details.roll_number)


def payee_fingerprint(
    vault: DetailsVault, name: str, account_type: str, details: BankDetails
) -> bytes:
    """Return the digest of what a name check was about; any change of it voids the check (5.4)."""
    plain_name = " ".join(name.split()).casefold()
    return vault.fingerprint(
        "payee", plain_name, account_type, details.identification, details.roll_number
    )
