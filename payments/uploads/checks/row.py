"""One row of a file: everything that is wrong with it at once, or what it pays."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from payments.bank.standard18 import to_bacs
from payments.payees.bank_details import BankDetails, normalise
from payments.runs.rules import MAXIMUM_REFERENCE, check_order, clean_reference
from payments.uploads.checks.modulus import FastModulus
from payments.uploads.readers.base import note
from payments.uploads.rules import NOTE, Record, parse_day, to_pence
from shared.errors import Invalid

_PLAIN_SORT_CODE = re.compile(r"(?!000000)[0-9]{6}", re.ASCII)
_PLAIN_ACCOUNT = re.compile(r"[0-9]{8}", re.ASCII)
_BACS_NAME = re.compile(r"[A-Za-z0-9.&/ -]{1,18}")
_BACS_REFERENCE = re.compile(r"[A-Za-z0-9.&/ -]*")
_GL_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,39}")
_INVOICE = re.compile(r"[^\x00-\x1f]{0,60}")
_END_TO_END = re.compile(r"[^\x00-\x1f]{0,35}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHORTEST_REFERENCE = 7
_NONE = ""


@dataclass(frozen=True, slots=True)
class GoodRow:
    """What a row without faults pays."""

    details: BankDetails
    payee_name: str
    account_type: str
    amount_pence: int
    reference: str
    modulus_result: str
    payee_id: UUID | None
    gl_code: str
    invoice_reference: str
    invoice_received_on: date | None
    end_to_end_id: str


# Field, sentence, and what was found there; bank details are never repeated.
RowFault = tuple[str, str, str]


class RowChecker:
    """Checks the rows of one upload; ``warnings`` counts what was changed or left unchecked."""

    def __init__(
        self, modulus: FastModulus, account_type: str, entry_on: date | None, today: date
    ) -> None:
        self.warnings: dict[str, int] = {}
        self._modulus = modulus
        self._account_type = account_type
        self._entry_on = entry_on
        self._today = today

    def check(self, record: Record) -> tuple[GoodRow | None, list[RowFault]]:
        """Return what a row pays, or all that is wrong with it."""
        faults: list[RowFault] = []
        fields = record[1]
        (sort_code, account, name, amount, reference, account_type) = fields[:6]
        (roll_number, payee, gl_code, invoice, received, execution) = fields[6:12]
        if fields[13]:
            faults.append(("row", f"The row {fields[13]}", _NONE))
        if fields[NOTE]:
            note(self.warnings, "reference_cut")
        pence = to_pence(amount)
        if pence is None:
            faults.append(
                ("amount", "Enter an amount in pounds with at most two decimals", amount[:30])
            )
        name, reference = self._words(name, reference)
        kind = account_type.lower() or self._account_type
        for fault in check_order(name, kind, 1 if pence is None else pence, "GBP", reference):
            found = {"amount": amount, "account_type": account_type, "reference": reference}
            faults.append((fault.field, fault.message, found.get(fault.field, _NONE)[:30]))
        if _CONTROL.search(name):
            faults.append(("payee_name", "The name has a character that no name has", _NONE))
        details, modulus = self._account(sort_code, account, roll_number, faults)
        payee_id = self._payee(payee, faults)
        received_on = self._days(received, execution, faults)
        self._codes(gl_code, invoice, fields[12], faults)
        if faults or details is None or pence is None:
            return None, faults
        return (
            GoodRow(
                details,
                name,
                kind,
                pence,
                reference,
                modulus,
                payee_id,
                gl_code,
                invoice,
                received_on,
                fields[12],
            ),
            faults,
        )

    def _words(self, name: str, reference: str) -> tuple[str, str]:
        """Return name and reference as they are kept; counts what the bank will see changed."""
        name = " ".join(name.split()) if "  " in name else name
        if not _BACS_NAME.fullmatch(name):
            changed = to_bacs(name)[1]
            if "replaced" in changed:
                note(self.warnings, "name_characters")
            if "cut" in changed:
                note(self.warnings, "name_cut")
        if not _BACS_REFERENCE.fullmatch(reference):
            # The width keeps a reference that is too long, so that it is refused and not cut.
            reference = to_bacs(reference, len(reference))[0].strip()
            note(self.warnings, "reference_characters")
        reference = clean_reference(reference)
        if len(reference) <= MAXIMUM_REFERENCE and (
            len(reference) < _SHORTEST_REFERENCE
            or reference.startswith("DDIC")
            or len(set(reference)) == 1
        ):
            note(self.warnings, "reference_poor")
        return name, reference

    def _account(
        self, sort_code: str, account: str, roll_number: str, faults: list[RowFault]
    ) -> tuple[BankDetails | None, str]:
        if (
            not roll_number
            and _PLAIN_SORT_CODE.fullmatch(sort_code)
            and _PLAIN_ACCOUNT.fullmatch(account)
        ):
            details = BankDetails(sort_code, account, sort_code, account, "as typed")
        else:
            try:
                details = normalise(sort_code, account, roll_number)
            except Invalid as invalid:
                faults += [(one.field, one.message, _NONE) for one in invalid.fields]
                return None, _NONE
        modulus = self._modulus.check(details.sort_code, details.account_number)
        if modulus == "invalid":
            faults.append(
                (
                    "account_number",
                    "Check the sort code and account number: together they are not possible",
                    _NONE,
                )
            )
        elif modulus == "not_checked":
            note(self.warnings, "modulus_not_checked")
        return details, modulus

    @staticmethod
    def _payee(payee: str, faults: list[RowFault]) -> UUID | None:
        if not payee:
            return None
        try:
            return UUID(payee)
        except ValueError:
            faults.append(
                ("payee_id", "Enter the id of a payee of this platform, or nothing", payee[:40])
            )
            return None

    def _days(self, received: str, execution: str, faults: list[RowFault]) -> date | None:
        received_on = parse_day(received) if received else None
        if received and (received_on is None or received_on > self._today):
            faults.append(
                (
                    "invoice_received_date",
                    "Enter a day that is not in the future, like 2026-11-30",
                    received[:30],
                )
            )
        if execution:
            day = parse_day(execution)
            if day is None:
                sentence = "Enter a day like 2026-11-30 or 30/11/2026"
                faults.append(("execution_date", sentence, execution[:30]))
            elif self._entry_on is not None and day != self._entry_on:
                sentence = f"One file is paid on one day, here {self._entry_on.isoformat()}"
                faults.append(("execution_date", sentence, execution[:30]))
            elif day < self._today:
                faults.append(("execution_date", "The day is in the past", execution[:30]))
        return received_on

    @staticmethod
    def _codes(gl_code: str, invoice: str, end_to_end_id: str, faults: list[RowFault]) -> None:
        if gl_code and not _GL_CODE.fullmatch(gl_code):
            faults.append(
                ("gl_code", "Enter a code of up to 40 letters, numbers and . / _ -", gl_code[:40])
            )
        if not _INVOICE.fullmatch(invoice):
            faults.append(("invoice_reference", "Enter at most 60 characters", invoice[:60]))
        if not _END_TO_END.fullmatch(end_to_end_id):
            faults.append(("end_to_end_id", "An end-to-end id has at most 35 characters", _NONE))
