"""What an approval signed of one payment, and which control totals must agree."""

import hashlib
import json
from dataclasses import dataclass

PART_PAYMENTS = 10_000
# A text as ``json.dumps(text, ensure_ascii=False)`` has it.
_quote = json.encoder.encode_basestring


@dataclass(frozen=True)
class SignedContent:
    """Everything of one payment that an approval signs; the amount in pence."""

    payee_name: str
    account_type: str
    sort_code: str
    account_number: str
    roll_number: str
    amount_pence: int
    currency: str
    reference: str
    gl_code: str


def content_sha256(content: SignedContent) -> bytes:
    """Return the SHA-256 of a payment's canonical content: JSON with sorted names, no blanks."""
    # Put together here, because an encoder for any content costs a run of a million seconds.
    return hashlib.sha256(
        (
            f'{{"account_number":{_quote(content.account_number)}'
            f',"account_type":{_quote(content.account_type)}'
            f',"amount_pence":{content.amount_pence:d}'
            f',"currency":{_quote(content.currency)},"gl_code":{_quote(content.gl_code)}'
            f',"payee_name":{_quote(content.payee_name)},"reference":{_quote(content.reference)}'
            f',"roll_number":{_quote(content.roll_number)},"sort_code":{_quote(content.sort_code)}}}'
        ).encode()
    ).digest()


@dataclass(frozen=True)
class Total:
    """Count and sum of payments at one stage; the sum in pence."""

    count: int
    pence: int

    def __add__(self, other: "Total") -> "Total":
        """Return both together."""
        return Total(self.count + other.count, self.pence + other.pence)


def find_difference(approved: Total | None, recalled: Total, released: Total) -> str | None:
    """Say how what was approved differs from what is released and recalled, None when it agrees.

    ``approved`` is None where nobody wrote down what was put forward; then nothing is compared.
    """
    if approved is None or approved == released + recalled:
        return None
    return (
        f"approved were {approved.count} payments of {approved.pence} pence; released are"
        f" {released.count} of {released.pence}, recalled {recalled.count} of {recalled.pence}"
    )
