"""Writes Bacs Standard 18 input files (payments contract 6.1): credits of one processing day."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_NOT_BACS = re.compile(r"[^A-Z0-9.&/\- ]")
_TEXT_WIDTH = 18
MAXIMUM_AMOUNT_PENCE = 2_000_000_000


@dataclass(frozen=True)
class WriterProfile:
    """What sponsor banks want differently (contract 22: the safe defaults)."""

    line_end: str = "\r\n"
    owner_name: str = ""
    file_number: str = " "
    block_count: str = "000000"
    audit_print_id: str = ""


@dataclass(frozen=True)
class Originator:
    """The account that pays, and the service user that sends."""

    service_user_number: str
    sort_code: str
    account_number: str
    name: str


@dataclass(frozen=True)
class Credit:
    """One payment as the file carries it."""

    sort_code: str
    account_number: str
    name: str
    amount_pence: int
    reference: str


@dataclass(frozen=True)
class WrittenFile:
    """The bytes, their control totals, and what had to be changed to fit the alphabet."""

    content: bytes
    payment_count: int
    total_pence: int
    warnings: tuple[str, ...]


class Standard18Error(ValueError):
    """A value that no Standard 18 file can carry."""


def to_bacs(text: str, width: int = _TEXT_WIDTH) -> tuple[str, str]:
    """Return a text in the Bacs alphabet, at most ``width`` long, and what was changed about it.

    Lower case is raised silently; other characters become blanks and are reported, as is a cut.
    """
    raised = text.strip().upper()
    clean = _NOT_BACS.sub(" ", raised)
    notes = []
    if clean != raised:
        notes.append("characters replaced by blanks")
    if len(clean) > width:
        notes.append(f"cut to {width} characters")
    return clean[:width], ", ".join(notes)


def julian(day: date) -> str:
    """Return a day as Bacs writes it: blank, two digits of the year, day of the year."""
    return day.strftime(" %y%j")


def write_file(
    originator: Originator,
    serial: str,
    processing_day: date,
    created_on: date,
    credits_: Sequence[Credit],
    profile: WriterProfile | None = None,
) -> WrittenFile:
    """Return one submission: all credits of one account and processing day, with their contra.

    Raises:
        Standard18Error: no credits, a malformed number, or an amount that the format cannot hold.
    """
    profile = profile or WriterProfile()
    _check(originator, serial, credits_)
    warnings: list[str] = []
    own_name, _ = to_bacs(originator.name)
    lines = _headers(originator.service_user_number, serial, processing_day, created_on, profile)
    total = 0
    for number, credit in enumerate(credits_, 1):
        name, name_note = to_bacs(credit.name)
        reference, note = to_bacs(credit.reference)
        for what, changed in (("name", name_note), ("reference", note)):
            if changed:
                warnings.append(f"payment {number}: {what}: {changed}")
        total += credit.amount_pence
        lines.append(
            f"{credit.sort_code}{credit.account_number}099"
            f"{originator.sort_code}{originator.account_number}    "
            f"{credit.amount_pence:011d}{own_name:18}{reference:18}{name:18}"
        )
    lines.append(
        f"{originator.sort_code}{originator.account_number}017"
        f"{originator.sort_code}{originator.account_number}    "
        f"{total:011d}{'':18}{'CONTRA':18}{own_name:18}"
    )
    trailer = f"UTL1{total:013d}{total:013d}{1:07d}{len(credits_):07d}"
    first, second = lines[1], lines[2]
    lines += [f"EOF1{first[4:54]}{profile.block_count}{first[60:]}", f"EOF2{second[4:]}"]
    lines.append(f"{trailer:80}")
    content = profile.line_end.join((*lines, "")).encode("ascii")
    return WrittenFile(content, len(credits_), total, tuple(warnings))


def _headers(
    user: str, serial: str, processing_day: date, created_on: date, profile: WriterProfile
) -> list[str]:
    owner = f"    {user}    "
    created = julian(created_on)
    label = f"A{user}S  {profile.file_number}{user}{serial}00010001{'':6}{created}{created} 000000"
    return [
        f"VOL1{serial} {'':20}{profile.owner_name:6.6}{owner}{'':28}1",
        f"{'HDR1' + label:80}",
        f"{'HDR2F0200000100' + ' ' * 35 + '00':80}",
        (
            f"UHL1{julian(processing_day)}999999    00000000{'1 DAILY':9}001"
            f"{profile.audit_print_id:40}"
        ),
    ]


def _check(originator: Originator, serial: str, credits_: Sequence[Credit]) -> None:
    if not re.fullmatch(r"\d{6}", serial) or serial == "000000":
        raise Standard18Error("a volume serial has six digits, not all zero")
    if not credits_:
        raise Standard18Error("a submission needs a payment")
    _check_digits("originating account", originator.sort_code, originator.account_number)
    if not re.fullmatch(r"[0-9]{6}", originator.service_user_number):
        raise Standard18Error("a service user number has six digits")
    for number, credit in enumerate(credits_, 1):
        _check_digits(f"payment {number}", credit.sort_code, credit.account_number)
        if not 0 < credit.amount_pence <= MAXIMUM_AMOUNT_PENCE:
            raise Standard18Error(f"payment {number}: amount outside 1 to {MAXIMUM_AMOUNT_PENCE}")
        if not to_bacs(credit.name)[0].strip():
            raise Standard18Error(f"payment {number}: no name")
    if sum(credit.amount_pence for credit in credits_) >= 10**11:
        raise Standard18Error("the total does not fit eleven digits")


def _check_digits(what: str, sort_code: str, account_number: str) -> None:
    if not re.fullmatch(r"[0-9]{6}", sort_code) or not re.fullmatch(r"[0-9]{8}", account_number):
        raise Standard18Error(f"{what}: six digits of sort code and eight of account are needed")
