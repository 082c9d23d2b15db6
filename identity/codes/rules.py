"""Lives and limits of codes, and to whom a code goes; pure."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from identity.signin.rules import CODE_DIGITS

Channel = Literal["email", "sms", "voice"]
Purpose = Literal[
    "confirm_phone",
    "old_phone",
    "phone_factor",
    "change_email",
    "recover_email",
    "recover_now",
    "not_me",
]
# A person who comes back to an old page may ask for a new code for this long.
CHECK_LIFE = timedelta(hours=2)
# What a used code proves holds for this long in the browser that used it.
PROOF_LIFE = timedelta(minutes=15)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Target:
    """Where a code goes: an email address, or a number in E.164 by text or call."""

    channel: Channel
    address: str = field(repr=False)


def fault_of(code: str) -> str:
    """Return what is wrong with a typed code before it is compared, empty when nothing is."""
    if not code:
        return "Enter the code we sent"
    if not (code.isascii() and code.isdigit() and len(code) == CODE_DIGITS):
        return "The code is 6 digits, such as 012345"
    return ""


def mask(target: Target) -> str:
    """Return an address or number that its owner knows and nobody else learns."""
    if target.channel == "email":
        local, _, host = target.address.partition("@")
        return f"{local[:1]}…@{host}"
    return f"…{target.address[-3:]}"
