"""What programs order, and what they are answered."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from shared.errors import FieldError, Problem

_GL_CODE = re.compile(r"[A-Za-z0-9./_-]{0,40}")
_MAXIMUM_INVOICE = 60


@dataclass(frozen=True)
class PayeeOrder:
    """Who is paid, as it was sent."""

    name: str
    account_type: str
    sort_code: str
    account_number: str
    roll_number: str = ""


@dataclass(frozen=True)
class PaymentOrder:
    """What a program asks to be paid."""

    organisation: str
    programme: str
    payee: PayeeOrder
    amount_pence: int
    currency: str
    reference: str
    case_reference: str | None
    subject: str | None
    check_id: UUID | None
    replaces: str | None = None
    gl_code: str = ""
    invoice_reference: str = ""
    invoice_received_on: date | None = None
    payee_id: UUID | None = None

    def comparable(self) -> dict[str, object]:
        """Return what tells two orders apart; what came later is left out where it is empty.

        So orders from before there was such a field keep their hash.
        """
        later = ("replaces", "gl_code", "invoice_reference", "invoice_received_on", "payee_id")
        content = {**self.__dict__, "payee": self.payee.__dict__}
        return {name: value for name, value in content.items() if value or name not in later}

    def check_codes(self) -> list[FieldError]:
        """Return every fault of the codes that go to the general ledger."""
        faults = []
        if not _GL_CODE.fullmatch(self.gl_code):
            faults.append(
                FieldError("gl_code", "Enter a code of up to 40 letters, numbers and . / _ -")
            )
        if len(self.invoice_reference) > _MAXIMUM_INVOICE:
            faults.append(FieldError("invoice_reference", "Enter at most 60 characters"))
        return faults


@dataclass(frozen=True)
class Created:
    """The answer to an order: the payment, or the refusal that stays with the key."""

    payment_id: str
    state: str
    run_id: str
    replayed: bool = False
    refusal: Problem | None = None

    def body(self) -> dict[str, str]:
        """Return what the program is told."""
        return {"payment_id": self.payment_id, "state": self.state, "run_id": self.run_id}


@dataclass(frozen=True)
class Desk:
    """What writing payments needs: the seal of bank details and the weight tables."""

    vault: DetailsVault
    tables: TableFiles
