"""One way to write every kind of file: a header, records, a trailer; never all of it in memory."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from payments.bank import standard18
from payments.bank.formats import pain001
from payments.bank.formats.profile import FileFormat, FileProfile, Rail
from payments.bank.standard18 import Credit, Originator


class UnwritableError(ValueError):
    """A value that the format cannot carry."""


@dataclass(frozen=True)
class FileFacts:
    """What is true of a whole file; the totals are those that it must come to."""

    originator: Originator
    serial: str
    rail: Rail
    processing_day: date
    created_at: datetime
    created_on: date
    payment_count: int
    total_pence: int
    profile: FileProfile


@dataclass(frozen=True)
class FilePayment:
    """One payment as a file carries it; a roll number takes the place of the reference."""

    payment_id: UUID
    end_to_end_id: str
    sort_code: str
    account_number: str
    roll_number: str
    name: str
    amount_pence: int
    reference: str

    @property
    def shown_reference(self) -> str:
        """What the payee's bank gets: a building society finds its member by the roll number."""
        return self.roll_number or self.reference


class FileWriter(Protocol):
    """Writes one kind of file."""

    def header(self) -> bytes:
        """Return what comes before the payments."""

    def record(self, payment: FilePayment) -> tuple[bytes, bool]:
        """Return one payment, and whether a text had to be changed to fit.

        Raises:
            UnwritableError: a value that the format cannot carry.
        """

    def trailer(self) -> bytes:
        """Return what comes after the payments."""


class Standard18Writer:
    """Writes Standard 18 for Bacs, and for Faster Payments by Direct Corporate Access."""

    def __init__(self, facts: FileFacts) -> None:
        self._facts = facts
        self._profile = facts.profile.standard18()
        try:
            standard18.check_originator(facts.originator, facts.serial)
            contra = standard18.Contra(facts.total_pence)
            standard18.contra_line(facts.originator, contra)
        except standard18.Standard18Error as error:
            raise UnwritableError(str(error)) from None
        self._contra = contra

    def header(self) -> bytes:
        """Return VOL1, HDR1, HDR2 and UHL1."""
        facts = self._facts
        return standard18.header(
            facts.originator, facts.serial, facts.processing_day, facts.created_on, self._profile
        )

    def record(self, payment: FilePayment) -> tuple[bytes, bool]:
        """Return a credit (see :class:`FileWriter`)."""
        if len(payment.shown_reference) > _WIDEST_REFERENCE:
            raise UnwritableError("the reference is longer than 18 characters")
        credit = Credit(
            payment.sort_code,
            payment.account_number,
            payment.name,
            payment.amount_pence,
            payment.shown_reference,
        )
        try:
            line, note = standard18.credit_line(self._facts.originator, credit, self._profile)
        except standard18.Standard18Error as error:
            raise UnwritableError(str(error)) from None
        return f"{line}{self._profile.line_end}".encode("ascii"), bool(note)

    def trailer(self) -> bytes:
        """Return contra, EOF1, EOF2 and UTL1."""
        facts = self._facts
        return standard18.trailer(
            facts.originator,
            facts.serial,
            facts.created_on,
            [self._contra],
            facts.payment_count,
            self._profile,
        )


class Pain001Writer:
    """Writes pain.001.001.09 in pounds, one payment information block (payments contract 7.1)."""

    def __init__(self, facts: FileFacts) -> None:
        self._facts = facts
        own = facts.originator
        for digits, length in ((own.sort_code, 6), (own.account_number, 8)):
            if not re.fullmatch(rf"[0-9]{{{length}}}", digits):
                raise UnwritableError("originating account: six digits and eight are needed")

    def header(self) -> bytes:
        """Return group header and payment information."""
        facts = self._facts
        profile = facts.profile
        return pain001.header(
            pain001.Head(
                message_id=f"{facts.originator.service_user_number}{facts.serial}",
                created_at=facts.created_at,
                payment_count=facts.payment_count,
                total_pence=facts.total_pence,
                initiator=facts.originator.name,
                initiator_id=profile.customer_id or facts.originator.service_user_number,
                service_level=profile.service_level_of(facts.rail),
                execution_day=facts.processing_day,
                sort_code=facts.originator.sort_code,
                account_number=facts.originator.account_number,
                bic=profile.debtor_bic,
                charge_bearer=profile.charge_bearer,
                batch_booking=facts.rail == "bacs"
                if profile.batch_booking is None
                else profile.batch_booking,
            )
        )

    def record(self, payment: FilePayment) -> tuple[bytes, bool]:
        """Return a credit transfer (see :class:`FileWriter`)."""
        try:
            return pain001.transfer(
                pain001.Transfer(
                    payment_id=payment.payment_id,
                    end_to_end_id=payment.end_to_end_id,
                    sort_code=payment.sort_code,
                    account_number=payment.account_number,
                    name=payment.name,
                    amount_pence=payment.amount_pence,
                    remittance=payment.shown_reference,
                )
            )
        except ValueError as error:
            raise UnwritableError(str(error)) from None

    def trailer(self) -> bytes:
        """Close what the header opened."""
        return pain001.trailer()


_WIDEST_REFERENCE = 18
_WRITERS: dict[FileFormat, type[Standard18Writer] | type[Pain001Writer]] = {
    "standard18": Standard18Writer,
    "pain.001.001.09": Pain001Writer,
}


def writer_for(file_format: FileFormat, facts: FileFacts) -> FileWriter:
    """Return the writer of a format.

    Raises:
        UnwritableError: what is true of the whole file cannot be carried.
    """
    return _WRITERS[file_format](facts)
