"""Which VAT code a line of a journal has; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.errors import FieldError

_CODE = re.compile(r"[A-Z0-9]{1,8}")


@dataclass(frozen=True)
class VatPlan:
    """A body's VAT codes, each recoverable or not, and which lines have which.

    The code of a programme counts before that of an account, and both before the usual one. Only
    the cost of a payment has a programme. Without codes, lines carry none.
    """

    default: str = ""
    codes: Mapping[str, bool] = field(default_factory=dict)
    programmes: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_set(self) -> bool:
        """Whether lines carry a VAT code."""
        return bool(self.codes)

    def code_of(self, programme: str, account: str) -> str:
        """Return the code of a line."""
        return self.programmes.get(programme) or self.accounts.get(account) or self.default

    def facts_of(self, programme: str, account: str) -> dict[str, str]:
        """Return what a line says of VAT: its code, and ``Y`` or ``N`` for recoverable."""
        if not self.is_set:
            return {}
        code = self.code_of(programme, account)
        return {"vat_code": code, "vat_recoverable": "Y" if self.codes[code] else "N"}


def read_vat(stored: object) -> VatPlan:
    """Return a plan as it was stored; settings from before there were plans have none."""
    if not isinstance(stored, Mapping) or not stored:
        return VatPlan()
    return VatPlan(
        str(stored["default"]),
        {str(code): bool(recoverable) for code, recoverable in stored["codes"].items()},
        {str(name): str(code) for name, code in stored["programmes"].items()},
        {str(name): str(code) for name, code in stored["accounts"].items()},
    )


def parse_codes(typed: str) -> tuple[dict[str, bool], list[FieldError]]:
    """Return the codes of a text with one to a line, such as ``S=yes``, and what is wrong."""
    codes: dict[str, bool] = {}
    faults = []
    for line in filter(None, (one.strip() for one in typed.splitlines())):
        code, _, recoverable = (part.strip() for part in line.partition("="))
        if not _CODE.fullmatch(code) or recoverable not in ("yes", "no") or code in codes:
            faults.append(FieldError("vat_codes", f"{line[:40]} is no code with yes or no"))
        codes[code] = recoverable == "yes"
    return codes, faults


def show_codes(plan: VatPlan) -> str:
    """Return the codes as they are typed."""
    return "\n".join(f"{code}={'yes' if plan.codes[code] else 'no'}" for code in plan.codes)


def vat_faults(plan: VatPlan) -> list[FieldError]:
    """Return what is wrong with a plan: a code that it does not name, or no usual one."""
    chosen = {
        "vat_default": plan.default,
        **{f"vat_programme_{name}": code for name, code in plan.programmes.items()},
        **{f"vat_account_{name}": code for name, code in plan.accounts.items()},
    }
    faults = [
        FieldError("vat_codes", f"{code[:40]} is no VAT code")
        for code in plan.codes
        if not _CODE.fullmatch(code)
    ]
    if plan.is_set and not plan.default:
        faults.append(FieldError("vat_default", "Enter the usual VAT code"))
    for name, code in chosen.items():
        if code and code not in plan.codes:
            faults.append(FieldError(name, f"{code[:40]} is not among the VAT codes"))
    return faults
