"""What a payee may say, what a change of it needs, and when payments to it are held."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from payments.payees.bank_details import AccountType, BankDetails, mask_account_number
from payments.payees.confirmation.matching import normalise as plain_words
from payments.payees.rules import outcome_of
from shared.errors import FieldError, Invalid

PAYEE_EDITOR = "payments.payee_editor"
PAYEE_APPROVER = "payments.payee_approver"
AUDITOR = "payments.auditor"
# Masked to the roles of payments, whole to those who answer for the details and to the auditor.
SEES_PAYEES = (
    PAYEE_EDITOR,
    PAYEE_APPROVER,
    AUDITOR,
    "payments.uploader",
    "payments.approver",
    "payments.enquiry",
)
SEES_DETAILS = (PAYEE_EDITOR, PAYEE_APPROVER, AUDITOR)

PayeeState = Literal["proposed", "active", "refused"]
ChangeState = Literal["checking", "proposed", "confirmed", "rejected", "withdrawn"]
Source = Literal["page", "api", "import", "awacs", "switch_notice", "demonstration"]
StopCode = Literal["deceased", "fraud", "dispute", "legal", "other"]

STOP_CODES: tuple[StopCode, ...] = ("deceased", "fraud", "dispute", "legal", "other")
# How long pages say beside a payment that the payee's details were changed (contract 9).
TOLD_FOR = timedelta(days=30)
MAXIMUM_TEXT = 140
MAXIMUM_REASON = 500
MAXIMUM_NOTES = 1_000
_EMAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,34}", re.ASCII)
_GL_CODE = re.compile(r"[A-Za-z0-9 ./_:-]{0,60}", re.ASCII)


@dataclass(frozen=True)
class PayeeFacts:
    """What a payee says: who holds the account, for whom it is, and what belongs to payments."""

    name: str
    account_type: AccountType
    details: BankDetails
    reference: str = ""
    beneficiary: str = ""
    gl_code: str = ""
    email: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Difference:
    """One field of a change, old beside new; bank details masked unless they may be seen."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class PayeeView:
    """A payee as rooms that pay need it, found by its account."""

    payee_id: UUID
    reference: str
    name: str
    account_type: str
    gl_code: str
    details_changed_at: datetime | None
    cooling_until: datetime | None
    stop_code: str | None
    several: bool

    def is_recently_changed(self, now: datetime) -> bool:
        """Tell whether pages have to say that the details were changed (30 days)."""
        return self.details_changed_at is not None and now - self.details_changed_at < TOLD_FOR


@dataclass(frozen=True)
class PayeeHold:
    """Why a payment to this payee waits for a person."""

    code: str
    reason: str


def payee_hold(view: PayeeView | None, now: datetime) -> PayeeHold | None:
    """Return what stops a payment to a payee: a stop, or details so new that they cool off.

    An account that is nobody's in the master is no reason for a hold.
    """
    if view is None:
        return None
    if view.stop_code is not None:
        return PayeeHold("payee_stopped", "Payments to this payee were stopped.")
    if view.cooling_until is not None and now < view.cooling_until:
        return PayeeHold(
            "payee_cooling_off",
            "The payee's name or bank details were changed a short time ago.",
        )
    return None


def check_facts(facts: PayeeFacts) -> list[FieldError]:
    """Return every fault of a payee's texts; the bank details were checked when they were read."""
    faults: list[FieldError] = []
    _check_text(faults, "name", facts.name, "Enter the name on the account", needed=True)
    _check_text(faults, "beneficiary", facts.beneficiary, "Enter whom the payments are for")
    if facts.account_type not in ("personal", "business"):
        faults.append(FieldError("account_type", "Select personal or business"))
    if facts.reference and not _REFERENCE.fullmatch(facts.reference):
        faults.append(
            FieldError(
                "reference", "Enter your reference with up to 35 letters, numbers and . / _ -"
            )
        )
    if not _GL_CODE.fullmatch(facts.gl_code):
        faults.append(FieldError("gl_code", "Enter a ledger code of up to 60 letters and numbers"))
    if facts.email and (len(facts.email) > 254 or not _EMAIL.fullmatch(facts.email)):  # noqa: PLR2004 - RFC 5321
        faults.append(
            FieldError(
                "email", "Enter an email address in the correct format, like name@example.com"
            )
        )
    if len(facts.notes) > MAXIMUM_NOTES or "\x00" in facts.notes:
        faults.append(FieldError("notes", f"Enter notes of up to {MAXIMUM_NOTES} characters"))
    return faults


def _check_text(
    faults: list[FieldError], field: str, text: str, message: str, *, needed: bool = False
) -> None:
    if needed and not text:
        faults.append(FieldError(field, message))
    elif len(text) > MAXIMUM_TEXT or any(ord(sign) < ord(" ") for sign in text):
        faults.append(FieldError(field, f"{message}, with up to {MAXIMUM_TEXT} characters"))


def need_words(field: str, text: str, message: str) -> str:
    """Return a reason without outer blanks; refuses none, and more than 500 characters.

    Raises:
        Invalid: names ``field``.
    """
    words = text.strip()
    if not words:
        raise Invalid(FieldError(field, message))
    if len(words) > MAXIMUM_REASON or "\x00" in words:
        raise Invalid(FieldError(field, f"Use at most {MAXIMUM_REASON} characters"))
    return words


def name_key(name: str) -> str:
    """Return the words of a name in one order, so that likely doubles have the same key."""
    return " ".join(sorted(plain_words(name)))


def is_sensitive(old: PayeeFacts | None, new: PayeeFacts) -> bool:
    """Tell whether a change moves money or a name: it is checked with the bank and cools off."""
    if old is None:
        return True
    return (
        " ".join(old.name.split()).casefold() != " ".join(new.name.split()).casefold()
        or old.account_type != new.account_type
        or old.details.identification != new.details.identification
        or old.details.roll_number != new.details.roll_number
    )


def list_differences(
    old: PayeeFacts | None, new: PayeeFacts, *, masked: bool = True
) -> list[Difference]:
    """Return the fields that a change alters, in the order of the form."""
    before, after = _shown(old, masked=masked), _shown(new, masked=masked)
    hidden = old is not None and old.details.identification != new.details.identification
    return [
        Difference(field, before[field], after[field])
        for field in after
        # Two accounts that end alike look alike when masked: the change must be told all the same.
        if before[field] != after[field]
        or (hidden and field == "account_number" and _differ(old, new))
    ]


def _differ(old: PayeeFacts | None, new: PayeeFacts) -> bool:
    return old is not None and old.details.account_number != new.details.account_number


def _shown(facts: PayeeFacts | None, *, masked: bool) -> dict[str, str]:
    if facts is None:
        return dict.fromkeys(
            (
                *("name", "account_type", "beneficiary", "sort_code", "account_number"),
                *("roll_number", "iban", "reference", "gl_code", "email", "notes"),
            ),
            "",
        )
    details = facts.details
    number, roll, iban = details.account_number, details.roll_number, details.iban
    return {
        "name": facts.name,
        "account_type": facts.account_type,
        "beneficiary": facts.beneficiary,
        "sort_code": details.shown_sort_code,
        "account_number": mask_account_number(number) if masked else number,
        "roll_number": mask_account_number(roll) if masked and roll else roll,
        "iban": mask_account_number(iban) if masked and iban else iban,
        "reference": facts.reference,
        "gl_code": facts.gl_code,
        "email": mask_email(facts.email) if masked else facts.email,
        "notes": facts.notes,
    }


def mask_email(email: str) -> str:
    """Return an address of which only the first letter and the domain can be read."""
    local, at, domain = email.partition("@")
    return f"{local[:1]}•••{at}{domain}" if email else ""


def needs_reason(reason_code: str | None, modulus_result: str | None) -> bool:
    """Tell whether a confirmation needs a written reason: the checks would hold a payment."""
    return modulus_result == "invalid" or outcome_of(reason_code).policy in ("hold", "block")


def cooling_end(
    *, was_active: bool, sensitive: bool, now: datetime, period: timedelta
) -> datetime | None:
    """Return when payments to changed details go out again without a hold; None for at once.

    A payee's first details have nothing to be told apart from and do not cool off.
    """
    return now + period if was_active and sensitive and period else None
