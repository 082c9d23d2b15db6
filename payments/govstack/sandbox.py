"""What an operator puts into a sandbox: building blocks, groups with money, merchants, vouchers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Serial = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,24}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
Pence = Annotated[int, Field(ge=0, le=10**14, strict=True)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SandboxGroup(_Model):
    """A voucher group of the rehearsal, and the money in its funding account."""

    name: Name
    funds_pence: Pence = 0
    days_valid: int = Field(90, ge=1, le=3650)


class SandboxMerchant(_Model):
    """A merchant as callers name them."""

    name: Name
    bank_details: Name
    group: Name
    can_be_credited: bool = True


class SandboxVoucher(_Model):
    """A voucher with a chosen serial number and state; its number is the serial by default."""

    serial: Serial
    number: Serial | None = None
    group: Name
    amount_pence: Pence
    state: Literal[
        "not_pre_activated",
        "pre_activated",
        "activated",
        "used",
        "suspended",
        "blocked",
        "purged",
        "expired",
        "cancelled",
    ]


class SandboxBill(_Model):
    """A bill with a chosen reference and state; it is due so many days after it is put here."""

    reference: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
    payer_name: Name
    amount_pence: Annotated[int, Field(gt=0, le=2_000_000_000, strict=True)]
    description: Name
    due_in_days: int = Field(30, ge=0, le=3650)
    state: Literal["open", "paid", "expired", "cancelled"] = "open"


class SandboxPlan(_Model):
    """Everything that a sandbox shall hold; what is there of the same name is set back to this."""

    programme: Name
    building_blocks: list[Name] = Field(default_factory=list, max_length=1000)
    groups: list[SandboxGroup] = Field(default_factory=list, max_length=1000)
    merchants: list[SandboxMerchant] = Field(default_factory=list, max_length=1000)
    vouchers: list[SandboxVoucher] = Field(default_factory=list, max_length=10_000)
    bills: list[SandboxBill] = Field(default_factory=list, max_length=10_000)
